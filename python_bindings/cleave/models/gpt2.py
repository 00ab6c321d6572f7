"""GPT-2: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019."""

import math

from .. import nn
from .base import Model
from .layers import linear, positions_of


class Attention(nn.Module):
    def __init__(self, c, index):
        self.c_attn = nn.Module()
        self.c_attn.q, self.c_attn.k, self.c_attn.v = (
            linear(c.n_embd, c.n_embd, c.initializer_range, input_major=True) for _ in range(3))
        self.c_proj = linear(c.n_embd, c.n_embd, c.initializer_range / math.sqrt(2 * c.n_layer), input_major=True)
        self.resid_dropout = nn.Dropout(c.resid_pdrop)
        scale = 1 / math.sqrt(c.n_embd // c.n_head) if c.scale_attn_weights else 1
        self.scale = scale / (index + 1 if c.scale_attn_by_inverse_layer_idx else 1)
        self.heads, self.dropout = c.n_head, c.attn_pdrop

    def forward(self, x, mask):
        q, k, v = self.c_attn.q(x), self.c_attn.k(x), self.c_attn.v(x)
        y = nn.attend(q, k, v, self.heads, causal=True, key_mask=mask, scale=self.scale, dropout=self.dropout)
        return self.resid_dropout(self.c_proj(y))


class MLP(nn.Module):
    def __init__(self, c):
        self.c_fc = linear(c.n_embd, c.n_inner, c.initializer_range, input_major=True)
        self.c_proj = linear(c.n_inner, c.n_embd, c.initializer_range / math.sqrt(2 * c.n_layer), input_major=True)
        self.dropout = nn.Dropout(c.resid_pdrop)
        self.activation = c.activation_function

    def forward(self, x):
        return self.dropout(self.c_proj(nn.activation(self.c_fc(x), self.activation, name="act")))


class Block(nn.Module):
    def __init__(self, c, index):
        self.ln_1, self.attn = nn.LayerNorm(c.n_embd, c.layer_norm_epsilon), Attention(c, index)
        self.ln_2, self.mlp = nn.LayerNorm(c.n_embd, c.layer_norm_epsilon), MLP(c)

    def forward(self, x, mask):
        x = nn.add(x, self.attn(self.ln_1(x), mask), name="attn_residual")
        return nn.add(x, self.mlp(self.ln_2(x)), name="mlp_residual")


class Transformer(nn.Module):
    def __init__(self, c):
        self.wte = nn.Embedding(c.vocab_size, c.n_embd, init=nn.Init.normal(c.initializer_range))
        self.wpe = nn.Embedding(c.n_positions, c.n_embd, init=nn.Init.normal(c.initializer_range))
        self.drop = nn.Dropout(c.embd_pdrop)
        self.h = nn.ModuleList([Block(c, index) for index in range(c.n_layer)], layer="block")
        self.ln_f = nn.LayerNorm(c.n_embd, c.layer_norm_epsilon)

    def forward(self, ids, mask, types):
        nn.tensor(self.wte.weight), nn.tensor(self.wpe.weight)  # the first two parameters
        x = self.wte(ids)
        if types is not None:
            x = nn.add(x, nn.embedding(types, self.wte.weight, optional=True, name="types"), name="with_types")
        x = self.drop(nn.add(x, positions_of(self.wpe, ids), name="embedded"))
        for block in self.h:
            x = block(x, mask)
        return self.ln_f(x)


class GPT2(Model):
    """Fields are those of Hugging Face's GPT2Config."""

    model_type = "gpt2"

    def build(self, c):
        self.transformer = Transformer(c)
        if not c.tie_word_embeddings:
            self.lm_head = linear(c.n_embd, c.vocab_size, c.initializer_range, bias=False)

    def forward(self, ids, mask=None, types=None):
        x = self.transformer(ids, mask, types)
        if self.config.tie_word_embeddings:
            return nn.linear(x, self.transformer.wte.weight, name="lm_head")
        return self.lm_head(x)

    def loss(self, input_ids, attention_mask, token_type_ids, labels):
        return nn.cross_entropy(self(input_ids, attention_mask, token_type_ids), labels)
