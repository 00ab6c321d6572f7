"""What several families have in common."""

from .. import _core, nn


def linear(features, out, deviation, bias=True, input_major=False):
    """A linear map whose weight is drawn with that deviation."""
    return nn.Linear(features, out, bias, input_major=input_major, init=nn.Init.normal(deviation))


def positions_of(embedding, ids):
    """The rows of a table of positions that tokens 0, 1, ... of each example have. [batch, tokens, features]"""
    (batch, seq), features, name = ids.shape, embedding.weight.shape[1], embedding._name
    rows = nn.slice(nn.tensor(embedding.weight), [0, 0], [seq, features], name=name + ".rows")
    return nn.broadcast(rows, [batch, seq, features], [1, 2], name=name)


class RelativeBias(nn.Module):
    """T5's: a table row for each distance, and then one for each query and key. [heads, queries, keys]"""

    def forward(self, table, c, s, is_decoder):
        table = nn.tensor(table)
        buckets = _core.relative_buckets(s, not is_decoder, c.relative_attention_num_buckets,
                                         c.relative_attention_max_distance)
        queries, keys = nn.iota([s, s], 0, name="queries"), nn.iota([s, s], 1, name="keys")
        distance = nn.subtract(keys, queries, name="distance")
        row = nn.add(distance, nn.fill([s, s], s - 1, "int32", name="zero_row"), name="row")
        by_distance = nn.embedding(nn.constant(buckets, name="buckets"), table, name="by_distance")
        return nn.transpose(nn.embedding(row, by_distance, name="by_pair"), [2, 0, 1], name="by_head")
