"""A vision transformer that classifies images: Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for
Image Recognition at Scale", 2020."""

from .. import nn
from .layers import linear
from .vision import VisionModel


class Embeddings(nn.Module):
    def __init__(self, c):
        init, patches = nn.Init.normal(c.initializer_range), (c.image_size // c.patch_size) ** 2
        self.cls_token = nn.Parameter(1, 1, c.hidden_size, init=init)
        self.position_embeddings = nn.Parameter(1, patches + 1, c.hidden_size, init=init)
        self.patch_embeddings = nn.Module()
        self.patch_embeddings.projection = nn.Conv2d(c.num_channels, c.hidden_size, c.patch_size, stride=c.patch_size)
        self.dropout = nn.Dropout(c.hidden_dropout_prob)

    def forward(self, pixels):
        batch, features = pixels.shape[0], self.cls_token.shape[2]
        patches = self.patch_embeddings.projection(pixels).reshape(batch, features, -1).transpose(0, 2, 1)
        first = nn.broadcast(nn.tensor(self.cls_token).reshape(features), [batch, 1, features], [2], name="first")
        x = nn.concat([first, patches], 1, name="tokens")
        places = nn.tensor(self.position_embeddings).reshape(*x.shape[1:])
        return self.dropout(nn.add(x, nn.broadcast(places, x.shape, [1, 2], name="places"), name="with_positions"))


class Attention(nn.Module):
    def __init__(self, c):
        self.attention, self.output = nn.Module(), nn.Module()
        for name in ("query", "key", "value"):
            setattr(self.attention, name, linear(c.hidden_size, c.hidden_size, c.initializer_range, c.qkv_bias))
        self.output.dense = linear(c.hidden_size, c.hidden_size, c.initializer_range)
        self.heads, self.dropout = c.num_attention_heads, c.attention_probs_dropout_prob

    def forward(self, x):
        a = self.attention
        return self.output.dense(nn.attend(a.query(x), a.key(x), a.value(x), self.heads, dropout=self.dropout))


class Block(nn.Module):
    def __init__(self, c):
        self.layernorm_before = nn.LayerNorm(c.hidden_size, c.layer_norm_eps)
        self.attention = Attention(c)
        self.layernorm_after = nn.LayerNorm(c.hidden_size, c.layer_norm_eps)
        self.intermediate, self.output = nn.Module(), nn.Module()
        self.intermediate.dense = linear(c.hidden_size, c.intermediate_size, c.initializer_range)
        self.output.dense = linear(c.intermediate_size, c.hidden_size, c.initializer_range)
        self.dropout, self.activation = nn.Dropout(c.hidden_dropout_prob), c.hidden_act

    def forward(self, x):
        x = nn.add(x, self.dropout(self.attention(self.layernorm_before(x))), name="attended")
        inner = self.intermediate.dense(self.layernorm_after(x))
        inner = nn.activation(inner, self.activation, name="intermediate.act")
        return nn.add(x, self.dropout(self.output.dense(inner)), name="residual")


class ViT(VisionModel):
    """Fields are those of Hugging Face's ViTConfig; the model is ViTForImageClassification."""

    model_type = "vit"
    defaults = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
                "hidden_act": "gelu", "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
                "initializer_range": 0.02, "layer_norm_eps": 1e-12, "image_size": 224, "patch_size": 16,
                "num_channels": 3, "qkv_bias": True}

    multiples = [("hidden_size", "num_attention_heads"), ("image_size", "patch_size")]

    def build(self, c):
        self.vit = nn.Module()
        self.vit.embeddings, self.vit.encoder = Embeddings(c), nn.Module()
        self.vit.encoder.layer = nn.ModuleList([Block(c) for _ in range(c.num_hidden_layers)], layer="block")
        self.vit.layernorm = nn.LayerNorm(c.hidden_size, c.layer_norm_eps)
        self.classifier = linear(c.hidden_size, c.num_labels, c.initializer_range)

    def forward(self, pixel_values):
        x = self.vit.embeddings(pixel_values)
        for block in self.vit.encoder.layer:
            x = block(x)
        x, (batch, _, features) = self.vit.layernorm(x), x.shape
        return self.classifier(nn.slice(x, [0, 0, 0], [batch, 1, features], name="first").reshape(batch, features))

    def loss(self, pixel_values, labels):
        return nn.cross_entropy(self(pixel_values), labels)

    logits = forward
