"""LLaMA: Touvron et al., "LLaMA: Open and Efficient Foundation Language Models", 2023; Mistral, whose tokens see a
window of those before them; Qwen3, which norms queries and keys by heads."""

from .. import _core, nn
from .base import Model
from .layers import linear


class Attention(nn.Module):
    def __init__(self, c, window):
        def projection(features, out):
            return linear(features, out, c.initializer_range, bias=c.attention_bias)

        self.q_proj = projection(c.hidden_size, c.num_attention_heads * c.head_dim)
        self.k_proj = projection(c.hidden_size, c.num_key_value_heads * c.head_dim)
        self.v_proj = projection(c.hidden_size, c.num_key_value_heads * c.head_dim)
        self.o_proj = projection(c.num_attention_heads * c.head_dim, c.hidden_size)
        if c.head_norms:
            self.q_norm, self.k_norm = nn.RMSNorm(c.head_dim, c.rms_norm_eps), nn.RMSNorm(c.head_dim, c.rms_norm_eps)
        self.heads, self.key_heads, self.dropout = c.num_attention_heads, c.num_key_value_heads, c.attention_dropout
        self.window, self.has_norms = window, c.head_norms

    def forward(self, x, mask, positions, rotation):
        y = nn.attend(self.q_proj(x), self.k_proj(x), self.v_proj(x), self.heads, self.key_heads, causal=True,
                      norms=(self.q_norm, self.k_norm) if self.has_norms else None, window=self.window,
                      key_mask=mask, positions=positions, rotation=rotation, dropout=self.dropout)
        return self.o_proj(y)


class MLP(nn.Module):
    def __init__(self, c):
        self.gate_proj = linear(c.hidden_size, c.intermediate_size, c.initializer_range, c.mlp_bias)
        self.up_proj = linear(c.hidden_size, c.intermediate_size, c.initializer_range, c.mlp_bias)
        self.down_proj = linear(c.intermediate_size, c.hidden_size, c.initializer_range, c.mlp_bias)
        self.activation = c.hidden_act

    def forward(self, x):
        gate = nn.activation(self.gate_proj(x), self.activation, name="act_fn")
        return self.down_proj(nn.multiply(gate, self.up_proj(x), name="gated"))


class Block(nn.Module):
    def __init__(self, c, window):
        self.input_layernorm, self.self_attn = nn.RMSNorm(c.hidden_size, c.rms_norm_eps), Attention(c, window)
        self.post_attention_layernorm, self.mlp = nn.RMSNorm(c.hidden_size, c.rms_norm_eps), MLP(c)

    def forward(self, x, mask, positions, rotation):
        x = nn.add(x, self.self_attn(self.input_layernorm(x), mask, positions, rotation), name="attn_residual")
        return nn.add(x, self.mlp(self.post_attention_layernorm(x)), name="mlp_residual")


class Decoder(nn.Module):
    def __init__(self, c):
        init = nn.Init.normal(c.initializer_range)
        self.embed_tokens = nn.Embedding(c.vocab_size, c.hidden_size, c.pad_token_id, init=init)
        self.layers = nn.ModuleList([Block(c, window) for window in c.layer_windows],
                                    layer=["window_block" if window else "block" for window in c.layer_windows])
        self.norm = nn.RMSNorm(c.hidden_size, c.rms_norm_eps)

    def forward(self, ids, mask, rotation):
        x = self.embed_tokens(ids)
        positions = nn.iota(ids.shape, 1, name="positions")
        for block in self.layers:
            x = block(x, mask, positions, rotation)
        return self.norm(x)


class Llama(Model):
    """Fields are those of Hugging Face's LlamaConfig."""

    model_type = "llama"

    def build(self, c):
        self.model = Decoder(c)
        if not c.tie_word_embeddings:
            self.lm_head = linear(c.hidden_size, c.vocab_size, c.initializer_range, bias=False)

    def forward(self, ids, mask=None):
        c = self.config
        rotation = _core.rotary_of_config(self._text, "config.json", c.head_dim, c.max_position_embeddings,
                                          ids.shape[1])
        x = self.model(ids, mask, rotation)
        if c.tie_word_embeddings:
            return nn.linear(x, self.model.embed_tokens.weight, name="lm_head")
        return self.lm_head(x)


class Mistral(Llama):
    """Fields are those of Hugging Face's MistralConfig."""

    model_type = "mistral"


class Qwen3(Llama):
    """Fields are those of Hugging Face's Qwen3Config."""

    model_type = "qwen3"
