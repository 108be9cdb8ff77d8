"""Writes merges.txt: what Hugging Face's BpeTrainer learns from a text whose lines end
with \\r\\n, which corpus.TestLineEndsAsTheReference reads from a file.

    pip install tokenizers==0.23.3; python make.py
"""

import os

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

TEXT = "The cat sat.\r\n\r\nThe hat sat on the cat.\r\n\r\n  The rat sat.\r\n\tThat is that.\r\n" * 3

t = Tokenizer(models.BPE())
t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
t.train_from_iterator([TEXT], trainers.BpeTrainer(
    vocab_size=286, special_tokens=["<|endoftext|>"],
    initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
here = os.path.dirname(os.path.abspath(__file__))
t.model.save(here)
os.remove(os.path.join(here, "vocab.json"))
