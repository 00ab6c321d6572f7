"""Models write text; tokenizers turn it into tokens and back."""

import json
import os
import signal
import threading
import unittest

import numpy as np
import tokenizers
from support import Bytes, Fixture, batches_of_bytes, scratch

import cleave

FIXTURES = "tests/end_to_end/fixtures/"
TEXT = "in the beginning was the word, and the word was split over devices. " * 20


def likeliest(model, prompt, count, **lengths):
    """What a model writes that always takes the likeliest token, from `predict` of padded inputs."""
    written = []
    for _ in range(count):
        if "target" in lengths:
            ids = np.zeros((1, lengths["seq"]), np.int32)
            ids[0, : len(prompt)] = prompt
            labels = np.zeros((1, lengths["target"]), np.int32)
            labels[0, : len(written)] = written
            mask = (np.arange(lengths["seq"]) < len(prompt)).astype(np.int32)[None]
            row = model.predict(input_ids=ids, attention_mask=mask, labels=labels)[0, len(written)]
        else:
            ids = np.zeros((1, lengths["seq"]), np.int32)
            ids[0, : len(prompt) + len(written)] = [*prompt, *written]
            row = model.predict(input_ids=ids)[0, len(prompt) + len(written) - 1]
        written.append(int(row.argmax()))
    return written


class GenerateTest(unittest.TestCase):

    def test_the_likeliest_tokens_are_those_of_predict(self):
        for name, lengths in (("gpt2_unscaled", {"seq": 16}), ("llama_grouped", {"seq": 32}),
                              ("mistral_window", {"seq": 32}), ("qwen3_windows", {"seq": 32}),
                              ("t5_gated", {"seq": 64, "target": 64})):
            model = cleave.load(FIXTURES + name)
            prompt = next(Fixture(FIXTURES + name).batches())["input_ids"][1][:6]
            written = model.generate(prompt, 8, temperature=0, stop=())
            self.assertEqual(written.dtype, np.int32)
            self.assertEqual(written.tolist(), likeliest(model, prompt, 8, **lengths), name)

    def test_a_trained_model_says_what_it_has_learnt(self):
        plan = cleave.compile(Bytes(), mesh=cleave.Mesh(data=2), batch=16, seq=8, optimizer=cleave.AdamW(0.02))
        trainer = cleave.Trainer(plan, data=batches_of_bytes(16))
        trainer.fit(150, progress=False)
        expected = [7]
        for _ in range(20):
            expected.append((3 * expected[-1] + 1) % 64)
        self.assertEqual(trainer.generate([7], 20, temperature=0).tolist(), expected[1:])

    def test_draws_follow_from_the_seed(self):
        model = cleave.load(FIXTURES + "llama_grouped")
        first, again, other = (model.generate([1, 2], 12, temperature=2.0, seed=seed).tolist() for seed in (3, 3, 4))
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)
        few = {"top_k": 1, "top_p": 1e-6}
        sure = model.generate([1, 2], 12, temperature=0).tolist()
        for name, value in few.items():
            self.assertEqual(model.generate([1, 2], 12, **{name: value}).tolist(), sure, name)

    def test_stops_end_a_text(self):
        model = cleave.load(FIXTURES + "kit_gpt2")
        model.tokenizer = None
        whole = model.generate([1, 2, 3], 12, temperature=1.5).tolist()
        end = whole.index(whole[5])
        self.assertEqual(model.generate([1, 2, 3], 12, temperature=1.5, stop=whole[5]).tolist(), whole[:end])
        fields = {**model._fields, "eos_token_id": whole[5]}
        again = cleave.models.GPT2(**{name: value for name, value in fields.items() if name != "model_type"})
        again.weights = model.weights
        self.assertEqual(again.generate([1, 2, 3], 12, temperature=1.5).tolist(), whole[:end], "the config's end")

    def test_text_comes_back_as_text_up_to_a_stop(self):
        model = cleave.models.Llama(vocab_size=256, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                                    num_attention_heads=2, max_position_embeddings=64)
        model.tokenizer = cleave.BytePairTokenizer()
        text = model.generate("in the ", 30)
        self.assertIsInstance(text, str)
        tokens = model.generate(model.tokenizer.encode("in the "), 30)
        self.assertEqual(model.tokenizer.decode(tokens), text)
        stop = text[4:6]
        self.assertEqual(model.generate("in the ", 30, stop=[stop]), text[: text.index(stop)])

    def test_ctrl_c_ends_a_text(self):
        trainer = cleave.Trainer(cleave.compile(Bytes(), batch=4, seq=8))
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with self.assertRaises(KeyboardInterrupt):
            trainer.generate([1], 10**9)
        self.assertEqual(len(trainer.generate([1], 3)), 3)


class TokenizerTest(unittest.TestCase):

    def test_byte_pairs_give_back_any_text(self):
        learnt = cleave.BytePairTokenizer.train(TEXT, 300)
        self.assertTrue(256 < learnt.size <= 300)
        for tokenizer in (cleave.BytePairTokenizer(), learnt):
            for text in (TEXT, "", "Zoë 漢字 \n\t"):
                self.assertEqual(tokenizer.decode(tokenizer.encode(text)), text)
        self.assertLess(len(learnt.encode(TEXT)), len(TEXT) / 2)
        self.assertEqual(cleave.BytePairTokenizer().decode([0xC3]), "\ufffd")

    def test_a_vocabulary_is_kept_beside_a_model(self):
        folder, learnt = scratch(), cleave.BytePairTokenizer.train(TEXT, 280)
        learnt.save(os.path.join(folder, "vocab.json"))
        model = cleave.models.GPT2(vocab_size=300, n_positions=32, n_embd=8, n_layer=1, n_head=2)
        model.save(folder)
        again = cleave.load(folder)
        np.testing.assert_array_equal(again.tokenizer.encode(TEXT), learnt.encode(TEXT))
        self.assertIsInstance(again.generate("in the", 5), str)
        third = scratch()
        again.save(third)
        np.testing.assert_array_equal(cleave.load(third).tokenizer.encode(TEXT), learnt.encode(TEXT))
        again.tokenizer = cleave.BytePairTokenizer()
        again.save(third)
        self.assertEqual(cleave.load(third).tokenizer.size, 256)

    def test_hugging_faces_files_are_read(self):
        made = tokenizers.Tokenizer(tokenizers.models.BPE())
        made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = tokenizers.decoders.ByteLevel()
        made.train_from_iterator([TEXT], tokenizers.trainers.BpeTrainer(
            vocab_size=290, special_tokens=["<s>"], initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False))
        made.post_processor = tokenizers.processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
        folder = scratch()
        made.save(os.path.join(folder, "tokenizer.json"))
        cleave.models.GPT2(vocab_size=300, n_positions=32, n_embd=8, n_layer=1, n_head=2).save(folder)
        with open(os.path.join(folder, "config.json")) as file:
            self.assertEqual(json.load(file)["model_type"], "gpt2")
        model = cleave.load(folder)
        self.assertEqual(model.tokenizer.size, made.get_vocab_size())
        tokens = model.tokenizer.encode("the word was")
        self.assertEqual(tokens.tolist(), made.encode("the word was").ids)
        self.assertEqual(tokens[0], 0)
        self.assertEqual(model.tokenizer.decode(tokens), "the word was")
        self.assertIsInstance(model.generate("the word", 5), str)
        saved = scratch()
        model.tokenizer = cleave.HuggingFaceTokenizer(os.path.join(folder, "tokenizer.json"))
        model.save(saved)
        self.assertEqual(cleave.load(saved).tokenizer.encode("the word was").tolist(), tokens.tolist())


if __name__ == "__main__":
    unittest.main()
