"""Writes cmd/spar/testdata/models/chat: a tiny random model with a trained tokenizer and a chat template,
and cmd/spar/testdata/chat.json: what transformers tokenizes and scores with it (float64 log-probs).

    python scripts/golden/chat_model.py
"""

import json
import pathlib
import shutil

import torch
import transformers
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import truth
from families import describe

ROOT = pathlib.Path("cmd/spar/testdata")
TEMPLATE = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nAnswer briefly.<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CORPUS = [
    "system user assistant Answer briefly. What is the name of the river? The river is the Danube.",
    "How many apples are left when 12 of 40 apples are eaten? There are 28 apples left.",
    "the and of to in is that for it as was with be by on not he his but at are this have from or had an they",
]


def tokenizer():
    t = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    t.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    t.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=359, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    t.train_from_iterator(CORPUS, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=t, eos_token="<|im_end|>", bos_token="<|im_start|>", chat_template=TEMPLATE
    )


def main():
    torch.manual_seed(3)
    folder = ROOT / "models" / "chat"
    shutil.rmtree(folder, ignore_errors=True)
    t = tokenizer()
    t.save_pretrained(folder)
    config = transformers.LlamaConfig(
        vocab_size=len(t),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
    )
    model = transformers.LlamaForCausalLM(config)
    for p in model.parameters():
        p.data = torch.randn_like(p) * 0.3 if p.ndim == 2 else 1 + 0.1 * torch.randn_like(p)
    model.save_pretrained(folder)
    w = {k: v.double() for k, v in load_file(folder / "model.safetensors").items()}
    cfg = describe(config)
    chats = [
        [dict(role="user", content="What is 12 + 30?"), dict(role="assistant", content="It is 42.")],
        [
            dict(role="system", content="Be kind."),
            dict(role="user", content="Name a river.\n"),
            dict(role="assistant", content="  The Danube, élan 日本. "),
        ],
    ]
    rows = []
    for chat in chats:
        prompt = t.apply_chat_template(chat[:-1], add_generation_prompt=True, tokenize=False)
        whole = t.apply_chat_template(chat, tokenize=False)
        prompt_ids = t.encode(prompt, add_special_tokens=False)
        ids = t.encode(whole, add_special_tokens=False)
        assert ids[: len(prompt_ids)] == prompt_ids
        response = ids[len(prompt_ids) :]
        response = response[: len(response) - response[::-1].index(t.eos_token_id)]
        with torch.no_grad():
            logp, entropy = truth.response_logp(cfg, w, prompt_ids, response)
        rows.append(
            dict(
                messages=chat,
                text=whole,
                ids=ids,
                prompt_text=prompt,
                prompt_ids=prompt_ids,
                response_ids=response,
                logp=logp.tolist(),
                entropy=entropy.tolist(),
            )
        )
    text = "There are 12 apples<|im_end|> and 日本."
    plain = t.backend_tokenizer
    plain_ids = Tokenizer.from_str(plain.to_str())
    out = dict(
        generator="scripts/golden/chat_model.py",
        chats=rows,
        text=text,
        special_ids=plain_ids.encode(text, add_special_tokens=False).ids,
    )
    (ROOT / "chat.json").write_text(json.dumps(out, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
