"""A tokenizer in CLIP's format, its pairs learned from captions."""
import json
import pathlib

from compose import to_device
from settings import NEW_STYLE, Settings

START, END = "<|startoftext|>", "<|endoftext|>"
CAPTIONS = 30000


def learn(composer, settings: Settings, out: pathlib.Path) -> None:
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
    tokenizer = Tokenizer(models.BPE(unk_token=END, end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    words = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(words, "removed", invert=True),
                                                       pre_tokenizers.ByteLevel(add_prefix_space=False)])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=settings.vocabulary, min_frequency=2, initial_alphabet=alphabet,
                                  end_of_word_suffix="</w>", special_tokens=[START, END], show_progress=False)
    captions = [composer.scene()[0] for _ in range(CAPTIONS)] + [fact["name"] for fact in composer.facts]
    tokenizer.train_from_iterator(captions + [NEW_STYLE] * 10, trainer)
    learned = json.loads(tokenizer.to_str())["model"]
    # CLIP numbers the two marks last, and has every byte both within a word and as its end.
    tokens = dict.fromkeys(word for word in learned["vocab"] if word not in (START, END))
    tokens |= dict.fromkeys(byte + end for byte in alphabet for end in ("", "</w>"))
    vocabulary = {word: i for i, word in enumerate([*tokens, START, END])}
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in learned["merges"]]
    out.mkdir(parents=True)
    (out / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    (out / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    print(f"tokenizer: {len(vocabulary)} tokens")


def load(folder: pathlib.Path, fast: bool = True):
    """The slow one, which diffusers' folders name, gives the same numbers for plain letters."""
    from transformers import CLIPTokenizer, CLIPTokenizerFast
    kind = CLIPTokenizerFast if fast else CLIPTokenizer
    return kind(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77, bos_token=START,
                eos_token=END, pad_token=END, unk_token=END)


def numbers(tokenizer, captions: list[str], device: str):
    told = tokenizer(captions, padding="max_length", truncation=True, max_length=77, return_tensors="pt")
    return to_device(told.input_ids, device)
