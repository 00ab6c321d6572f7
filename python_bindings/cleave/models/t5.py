"""T5: Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer", 2019."""

from math import sqrt

from .. import nn
from .base import Model
from .layers import RelativeBias, linear


class Attention(nn.Module):
    def __init__(self, c, has_table):
        inner, factor, root = c.num_heads * c.d_kv, c.initializer_factor, 1 / sqrt(c.d_model)
        deviations = (1 / sqrt(c.d_model * c.d_kv), root, root)
        self.q, self.k, self.v = (linear(c.d_model, inner, factor * each, bias=False) for each in deviations)
        self.o = linear(inner, c.d_model, factor * (1 / sqrt(inner)), bias=False)
        if has_table:
            init = nn.Init.normal(factor / sqrt(c.d_model))
            self.relative_attention_bias = nn.Embedding(c.relative_attention_num_buckets, c.num_heads, init=init)
        self.heads, self.dropout = c.num_heads, c.dropout_rate

    def forward(self, x, context=None, **options):
        q, k, v = self.q(x), self.k(x if context is None else context), self.v(x if context is None else context)
        return self.o(nn.attend(q, k, v, self.heads, scale=1.0, dropout=self.dropout, **options))


class FeedForward(nn.Module):
    def __init__(self, c):
        deviation = c.initializer_factor * (1 / sqrt(c.d_model))
        for name in ("wi_0", "wi_1") if c.is_gated_act else ("wi",):
            setattr(self, name, linear(c.d_model, c.d_ff, deviation, bias=False))
        self.wo = linear(c.d_ff, c.d_model, c.initializer_factor * (1 / sqrt(c.d_ff)), bias=False)
        self.dropout, self.is_gated, self.activation = nn.Dropout(c.dropout_rate), c.is_gated_act, c.dense_act_fn

    def forward(self, x):
        inner = nn.activation((self.wi_0 if self.is_gated else self.wi)(x), self.activation, name="act")
        return self.wo(self.dropout(nn.multiply(inner, self.wi_1(x), name="gated") if self.is_gated else inner))


class Sublayer(nn.Module):
    def __init__(self, c, name, part):
        self.layer_norm = nn.RMSNorm(c.d_model, c.layer_norm_epsilon, weight=c.initializer_factor)
        self.dropout, self.part = nn.Dropout(c.dropout_rate), name
        setattr(self, name, part)

    def forward(self, x, *context, **options):
        part = getattr(self, self.part)
        return nn.add(x, self.dropout(part(self.layer_norm(x), *context, **options)), name="residual")


class Block(nn.Module):
    def __init__(self, c, index, is_decoder):
        parts = [Sublayer(c, "SelfAttention", Attention(c, has_table=index == 0))]
        parts += [Sublayer(c, "EncDecAttention", Attention(c, has_table=False))] if is_decoder else []
        self.layer = nn.ModuleList([*parts, Sublayer(c, "DenseReluDense", FeedForward(c))])

    def forward(self, x, context, context_mask, **options):
        x = self.layer[0](x, **options)
        if context is not None:
            x = self.layer[1](x, context, key_mask=context_mask)
        return self.layer[-1](x)


class Stack(nn.Module):
    def __init__(self, c, name, layers):
        self.block = nn.ModuleList([Block(c, index, name == "decoder") for index in range(layers)], layer=name)
        self.final_layer_norm = nn.RMSNorm(c.d_model, c.layer_norm_epsilon, weight=c.initializer_factor)
        self.dropout, self.final_dropout = nn.Dropout(c.dropout_rate), nn.Dropout(c.dropout_rate)
        self.config, self.is_decoder, self.relative_bias = c, name == "decoder", RelativeBias()

    def forward(self, ids, table, mask=None, context=None, context_mask=None):
        x, c, seq = self.dropout(nn.embedding(ids, table, name="embed_tokens")), self.config, ids.shape[1]
        table = self.block[0].layer[0].SelfAttention.relative_attention_bias.weight
        bias = self.relative_bias(table, c, seq, self.is_decoder)
        for block in self.block:
            x = block(x, context, context_mask, bias=bias, key_mask=mask, causal=self.is_decoder)
        return self.final_dropout(self.final_layer_norm(x))


class T5(Model):
    """Fields are those of Hugging Face's T5Config; the model is T5ForConditionalGeneration."""

    model_type, task_type = "t5", "SEQ_2_SEQ_LM"

    def build(self, c):
        self.shared = nn.Embedding(c.vocab_size, c.d_model, init=nn.Init.normal(c.initializer_factor))
        self.encoder, self.decoder = Stack(c, "encoder", c.num_layers), Stack(c, "decoder", c.num_decoder_layers)

    def forward(self, input_ids, attention_mask, decoder_input_ids):
        table = nn.tensor(self.shared.weight)
        encoded = self.encoder(input_ids, table, attention_mask)
        x = self.decoder(decoder_input_ids, table, context=encoded, context_mask=attention_mask)
        if self.config.scale_decoder_outputs:
            x = nn.scale(x, 1 / sqrt(self.config.d_model), name="scaled")
        return nn.linear(x, table, name="lm_head")

    def loss(self, input_ids, attention_mask, decoder_input_ids, labels):
        return nn.cross_entropy(self(input_ids, attention_mask, decoder_input_ids), labels)

    logits = forward
