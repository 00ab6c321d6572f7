"""What vision models have in common: configs, the shapes of images, and predictions."""

import types

import numpy as np

from ..compiling import Input, compile
from ..errors import refuse, reports
from ..placement import Mesh
from .base import Model


class VisionModel(Model):
    """A model of images, float [batch, num_channels, image_size, image_size], and labels [batch]. The C++ driver
    doesn't know its family: files name its weights as the model does.

    `defaults` are the config's fields, which also say of which type they are; `multiples` are (whole, part) pairs of
    them.
    """

    task_type, family = "", None
    defaults, multiples = {}, []

    def resolve(self, fields):
        values = {name: fields.get(name, default) for name, default in self.defaults.items()}
        for name, default in self.defaults.items():
            value, kind = values[name], type(default)
            fits = isinstance(value, (int, float) if kind is float else kind)
            fits = fits and isinstance(value, bool) == (kind is bool)
            if not fits or (kind is int and value < 1) or (kind is float and not 0 <= value < float("inf")):
                refuse(f'"config.json": field "{name}" requires a value such as {default!r}, got {value!r}')
        for whole, part in self.multiples:
            if values[whole] % values[part] != 0:
                refuse(f'"config.json": field "{whole}" requires a multiple of {part} = {values[part]}, got '
                       f"{values[whole]}")
        return types.SimpleNamespace(**values, num_labels=len(fields.get("id2label") or range(2)))

    def inputs(self, batch):
        """Shapes of the inputs of so many examples, for cleave.compile."""
        c = self.config
        return {"pixel_values": Input(batch, c.num_channels, c.image_size, c.image_size, dtype="float32"),
                "labels": Input(batch)}

    def compiled(self, sizes):
        return compile(self, mesh=Mesh(data=1), batch=1, inputs=self.inputs(1))

    def shortest(self):
        return ()

    @reports
    def predict(self, pixel_values):
        """Logits [batch, labels] of float32."""
        images, sizes = np.asarray(pixel_values), self.inputs(1)["pixel_values"].shape[1:]
        if images.ndim != 4 or images.shape[1:] != sizes or images.dtype.kind not in "fiub":
            refuse(f"predict: requires images [batch, {', '.join(map(str, sizes))}], got {images.dtype} of sizes "
                   f"{'x'.join(map(str, images.shape))}")
        rows = [images[i : i + 1].astype(np.float32) for i in range(len(images))]
        return np.concatenate([self._session().run("logits", {"pixel_values": row})["logits"] for row in rows])
