"""Teachers of two architectures: what is kept of frozen layers, adapters, prompts, bad adapters."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from fusehr.core.frame.errors import InputError
from fusehr.models.distilled.student import Shape, Student, start_from_teacher
from fusehr.models.distilled.teacher import Teacher, teacher_source
from fusehr.models.distilled.tokens import (
    OUTSIDE,
    TokenTexts,
    load_tokenizer,
    prompt,
    special_tokens,
    tokenise,
)

TEXTS = ["gout ; fever . shock", "heart failure of the heart .", "fever"]
STARTS = [[0, 15], [0], [0]]


@pytest.fixture(params=["tiny_bert", "tiny_qwen"])
def model(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def read(folder: Path, most: int = 100) -> TokenTexts:
    tokenizer = load_tokenizer(folder)
    around = prompt(tokenizer, "what is the")
    return tokenise(tokenizer, TEXTS, STARTS, around=around, max_tokens=most)


def teacher_of(model: Path, teacher_params: Any, **changes: Any) -> Teacher:
    params = teacher_params(model, **changes)
    torch.manual_seed(1)
    teacher = Teacher(teacher_source(params), 4, params)
    with torch.no_grad():  # fresh adapters add nothing
        for name, value in teacher.peft.named_parameters():
            if "lora_B" in name:
                value.normal_(std=0.3)
    return teacher.eval()


def test_layers_that_never_change_can_be_run_before(model: Path, teacher_params: Any) -> None:
    teacher = teacher_of(model, teacher_params, lora={"layers": 1})
    batch = read(model).batch(torch.arange(3))
    assert teacher.has_below
    with torch.no_grad():
        whole, upper = teacher(batch), teacher(batch, teacher.below(batch))
        changed = teacher(batch, teacher.below(batch) + 1)
    torch.testing.assert_close(upper, whole)
    assert not torch.allclose(changed, whole)
    # and the body is whole again
    with torch.no_grad():
        torch.testing.assert_close(teacher(batch), whole)


def test_adapters_in_every_layer_leave_nothing_to_keep(model: Path, teacher_params: Any) -> None:
    assert not teacher_of(model, teacher_params, lora={"layers": 0}).has_below


def test_only_adapters_and_head_change(model: Path, teacher_params: Any) -> None:
    teacher = teacher_of(model, teacher_params, lora={"layers": 2})
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    batch = read(model).batch(torch.arange(3))
    optimiser = torch.optim.SGD([p for p in teacher.parameters() if p.requires_grad], lr=1.0)
    teacher.train()
    teacher(batch).square().sum().backward()
    optimiser.step()
    changed = {k for k, v in teacher.state_dict().items() if not torch.equal(v, before[k])}
    assert changed and all("lora_" in name or name.startswith("head.") for name in changed)
    assert not any("layers.0." in name or "layer.0." in name for name in changed)


def test_a_prediction_does_not_depend_on_the_texts_beside_it(
    model: Path, teacher_params: Any
) -> None:
    teacher, texts = teacher_of(model, teacher_params), read(model)
    with torch.no_grad():
        together = teacher(texts.batch(torch.arange(3)))
        alone = torch.cat([teacher(texts.batch(torch.tensor([k]))) for k in range(3)])
        backwards = teacher(texts.batch(torch.tensor([2, 1, 0]))).flip(0)
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
    torch.testing.assert_close(together, backwards, rtol=0, atol=1e-5)


def test_what_was_learnt_can_be_saved_and_put_back(
    model: Path, teacher_params: Any, tmp_path: Path
) -> None:
    teacher, batch = teacher_of(model, teacher_params), read(model).batch(torch.arange(3))
    teacher.save(tmp_path / "0")
    other = Teacher(teacher.source, 4, teacher_params(model)).eval()
    with torch.no_grad():
        wanted = teacher(batch)
        assert not torch.allclose(other(batch), wanted)
        other.load(tmp_path / "0")
        torch.testing.assert_close(other(batch), wanted)
    assert str(model).encode() not in (tmp_path / "0.safetensors").read_bytes()


def test_attention_is_a_distribution_over_the_texts_tokens(
    model: Path, teacher_params: Any
) -> None:
    teacher, batch = teacher_of(model, teacher_params), read(model).batch(torch.arange(3))
    logits, attention = teacher.logits_and_attention(batch)
    with torch.no_grad():
        torch.testing.assert_close(logits, teacher(batch), rtol=1e-4, atol=1e-5)
    rows = attention[batch.mask]
    torch.testing.assert_close(rows.sum(dim=1), torch.ones(len(rows)))
    padding = ~batch.mask[:, None, :].expand(attention.shape)
    assert padding.any() and float(attention[padding].abs().max()) < 1e-6


def shown(folder: Path, texts: TokenTexts, row: int) -> str:
    return load_tokenizer(folder).decode(texts.ids[texts.offsets[row] : texts.offsets[row + 1]])


def test_a_chat_asks_the_instruction_and_others_read_the_text_alone(
    tiny_bert: Path, tiny_qwen: Path
) -> None:
    asked = read(tiny_qwen)
    before, behind = "<|im_start|>user\nwhat is the\n", "<|im_end|>\n<|im_start|>assistant\n"
    for row, text in enumerate(TEXTS):
        assert shown(tiny_qwen, asked, row) == before + text + behind
    plain = read(tiny_bert)
    assert shown(tiny_bert, plain, 1) == f"[CLS] {TEXTS[1]} [SEP]"
    assert load_tokenizer(tiny_qwen)("")["input_ids"] == []
    assert len(special_tokens(load_tokenizer(tiny_qwen))) == 0


def test_a_token_is_of_the_section_that_it_stands_in(model: Path) -> None:
    texts = read(model)
    ids, sections = (part[: texts.offsets[1]] for part in (texts.ids, texts.sections))
    tokenizer = load_tokenizer(model)
    assert tokenizer.decode(ids[sections == 0]).strip() == "gout ; fever ."
    assert tokenizer.decode(ids[sections == 1]).strip() == "shock"
    outside = int((sections == OUTSIDE).sum())
    assert outside == len(prompt(tokenizer, "what is the"))


def test_a_text_that_is_too_long_loses_its_end_and_is_counted(tiny_bert: Path) -> None:
    cut = read(tiny_bert, most=5)
    assert shown(tiny_bert, cut, 0) == "[CLS] gout ; fever [SEP]"
    assert shown(tiny_bert, cut, 2) == "[CLS] fever [SEP]"
    assert cut.lost.tolist() == [2, 3, 0]
    with pytest.raises(InputError, match="more than the 2 tokens around"):
        read(tiny_bert, most=2)


@pytest.fixture
def adapter(tiny_qwen: Path, tmp_path: Path) -> Path:
    """As LLaMA-Factory leaves it: for the model that generates text, by peft's own writer."""
    torch.manual_seed(5)
    config = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_qwen), config)
    for name, value in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.5)
    model.save_pretrained(str(tmp_path / "adapter"))
    return tmp_path / "adapter"


def test_an_adapter_trained_elsewhere_is_used_and_only_the_head_learns(
    tiny_qwen: Path, adapter: Path, teacher_params: Any
) -> None:
    params = teacher_params(tiny_qwen, adapter=str(adapter))
    torch.manual_seed(1)
    teacher = Teacher(teacher_source(params), 4, params).eval()
    assert {n for n, p in teacher.named_parameters() if p.requires_grad} == {
        "head.weight",
        "head.bias",
    }
    bare = teacher_params(tiny_qwen)
    torch.manual_seed(1)
    without = Teacher(teacher_source(bare), 4, bare).eval()
    without.head.load_state_dict(teacher.head.state_dict())
    batch = read(tiny_qwen).batch(torch.arange(3))
    with torch.no_grad():
        assert not torch.allclose(teacher(batch), without(batch))


def _renamed(adapter: Path) -> str:
    config = json.loads((adapter / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "Qwen/Qwen2.5-7B-Instruct"
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    return "expected an adapter for Tiny-Qwen2, found one for Qwen2.5-7B-Instruct"


def _of_another_shape(adapter: Path) -> str:
    from safetensors.torch import load_file, save_file

    path = str(adapter / "adapter_model.safetensors")
    save_file({k: torch.cat([v, v], dim=1) for k, v in load_file(path).items()}, path)
    return "does not fit"


def _of_other_layers(adapter: Path) -> str:
    from safetensors.torch import load_file, save_file

    path = str(adapter / "adapter_model.safetensors")
    save_file({k.replace("layers.2", "layers.7"): v for k, v in load_file(path).items()}, path)
    return "expected weights for 12 places of hf:.*, found 8 of them and 4 others"


def _gone(adapter: Path) -> str:
    (adapter / "adapter_model.safetensors").unlink()
    return "expected adapter_model.safetensors"


@pytest.mark.parametrize("spoil", [_renamed, _of_another_shape, _of_other_layers, _gone])
def test_an_adapter_that_does_not_fit_is_refused(
    tiny_qwen: Path, adapter: Path, teacher_params: Any, spoil: Any
) -> None:
    message = spoil(adapter)
    params = teacher_params(tiny_qwen, adapter=str(adapter))
    with pytest.raises(InputError, match=message):
        Teacher(teacher_source(params), 4, params)


def test_more_layers_or_tokens_than_there_are_are_refused(
    tiny_bert: Path, teacher_params: Any
) -> None:
    params = teacher_params(tiny_bert, lora={"layers": 4})
    with pytest.raises(InputError, match=r"lora\.layers: expected at most 3, found 4"):
        Teacher(teacher_source(params), 4, params)
    with pytest.raises(InputError, match=r"max_tokens: expected at most 128 .* found 129"):
        teacher_source(teacher_params(tiny_bert, max_tokens=129))


def test_a_folder_that_is_no_model_is_named(tmp_path: Path, teacher_params: Any) -> None:
    with pytest.raises(InputError, match=r"config\.json"):
        teacher_source(teacher_params(tmp_path))
    shutil.rmtree(tmp_path)
    with pytest.raises(InputError, match=r"distill\.teacher\.model"):
        teacher_source(teacher_params(tmp_path))


def test_a_student_takes_what_fits_of_its_teacher(tiny_bert: Path, teacher_params: Any) -> None:
    teacher = teacher_of(tiny_bert, teacher_params)
    n = len(load_tokenizer(tiny_bert))
    same = Student(Shape(n, 40, 0, layers=1, d_model=16, heads=2, dropout=0.0, n_classes=4))
    # the same width, but layers four times as wide inside and not twice
    assert start_from_teacher(same, teacher.body) == ["embeddings.word_embeddings"]
    words = teacher.body.get_input_embeddings().weight.detach()
    torch.testing.assert_close(same.body.embeddings.word_embeddings.weight.detach(), words)
    small = Student(Shape(n, 40, 0, layers=1, d_model=8, heads=2, dropout=0.0, n_classes=4))
    assert start_from_teacher(small, teacher.body) == ["embeddings.word_embeddings"]
    own = small.body.embeddings.word_embeddings.weight.detach()
    # components keep distances as well as so few dimensions can
    far = torch.corrcoef(torch.stack([torch.pdist(own), torch.pdist(words)]))[0, 1]
    assert far > 0.8
