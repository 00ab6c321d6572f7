"""BERT with its masked-language-model head: Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for
Language Understanding", 2018."""

from .. import nn
from .base import Model
from .layers import linear, positions_of


class Embeddings(nn.Module):
    def __init__(self, c):
        init = nn.Init.normal(c.initializer_range)
        self.word_embeddings = nn.Embedding(c.vocab_size, c.hidden_size, c.pad_token_id, init=init)
        self.position_embeddings = nn.Embedding(c.max_position_embeddings, c.hidden_size, init=init)
        self.token_type_embeddings = nn.Embedding(c.type_vocab_size, c.hidden_size, init=init)
        self.LayerNorm = nn.LayerNorm(c.hidden_size, c.layer_norm_eps)
        self.dropout = nn.Dropout(c.hidden_dropout_prob)

    def forward(self, ids, types):
        for table in (self.word_embeddings, self.position_embeddings, self.token_type_embeddings):
            nn.tensor(table.weight)  # in this order
        x = nn.add(self.word_embeddings(ids), self.token_type_embeddings(types), name="with_types")
        x = nn.add(x, positions_of(self.position_embeddings, ids), name="with_positions")
        return self.dropout(self.LayerNorm(x))


class SelfAttention(nn.Module):
    def __init__(self, c):
        self.query, self.key, self.value = (
            linear(c.hidden_size, c.hidden_size, c.initializer_range) for _ in range(3))
        self.heads, self.causal, self.dropout = c.num_attention_heads, c.is_decoder, c.attention_probs_dropout_prob

    def forward(self, x, mask):
        return nn.attend(self.query(x), self.key(x), self.value(x), self.heads, causal=self.causal, key_mask=mask,
                         dropout=self.dropout)


class Output(nn.Module):
    def __init__(self, c, features):
        self.dense = linear(features, c.hidden_size, c.initializer_range)
        self.dropout, self.LayerNorm = nn.Dropout(c.hidden_dropout_prob), nn.LayerNorm(c.hidden_size, c.layer_norm_eps)

    def forward(self, y, x):
        return self.LayerNorm(nn.add(x, self.dropout(self.dense(y)), name="residual"))


class Block(nn.Module):
    def __init__(self, c):
        self.attention, self.intermediate = nn.Module(), nn.Module()
        self.attention.self, self.attention.output = SelfAttention(c), Output(c, c.hidden_size)
        self.intermediate.dense = linear(c.hidden_size, c.intermediate_size, c.initializer_range)
        self.output, self.activation = Output(c, c.intermediate_size), c.hidden_act

    def forward(self, x, mask):
        x = self.attention.output(self.attention.self(x, mask), x)
        inner = nn.activation(self.intermediate.dense(x), self.activation, name="intermediate.act")
        return self.output(inner, x)


class Predictions(nn.Module):
    def __init__(self, c):
        self.transform = nn.Module()
        self.transform.dense = linear(c.hidden_size, c.hidden_size, c.initializer_range)
        self.transform.LayerNorm = nn.LayerNorm(c.hidden_size, c.layer_norm_eps)
        self.bias = nn.Parameter(c.vocab_size, init=nn.Init.constant(0), trainable=c.tie_word_embeddings)
        if not c.tie_word_embeddings:
            self.decoder = linear(c.hidden_size, c.vocab_size, c.initializer_range)
        self.activation = c.hidden_act

    def forward(self, x, table):
        x = self.transform.LayerNorm(nn.activation(self.transform.dense(x), self.activation, name="transform.act"))
        bias = nn.tensor(self.bias)  # of an untied head: kept, but nothing reads it
        return nn.linear(x, table, bias, name="decoder") if "decoder" not in vars(self) else self.decoder(x)


class Bert(Model):
    """Fields are those of Hugging Face's BertConfig; the model is BertForMaskedLM."""

    model_type, task_type = "bert", ""

    def build(self, c):
        self.bert, self.cls = nn.Module(), nn.Module()
        self.bert.embeddings, self.bert.encoder = Embeddings(c), nn.Module()
        self.bert.encoder.layer = nn.ModuleList([Block(c) for _ in range(c.num_hidden_layers)], layer="block")
        self.cls.predictions = Predictions(c)

    def forward(self, input_ids, attention_mask, token_type_ids):
        x = self.bert.embeddings(input_ids, token_type_ids)
        for block in self.bert.encoder.layer:
            x = block(x, attention_mask)
        return self.cls.predictions(x, self.bert.embeddings.word_embeddings.weight)

    def loss(self, input_ids, attention_mask, token_type_ids, labels):
        return nn.cross_entropy(self(input_ids, attention_mask, token_type_ids), labels)

    logits = forward
