"""A chat model behind a real server: answers kept, failures told, nothing half done."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fusehr.core.chat.answers import Answers
from fusehr.core.chat.client import Chat
from fusehr.core.frame.errors import InputError

from ..chat_server import ChatServer

pytestmark = pytest.mark.usefixtures("chat_environment")


@pytest.fixture
def chat(tmp_path: Path, rag_params) -> Callable[..., Chat]:
    def make(server: ChatServer | str, **changes: Any) -> Chat:
        url = server if isinstance(server, str) else server.url
        params = rag_params(chat={"timeout_s": 0.4} | changes).chat
        return Chat(url, params, Answers(tmp_path / "answers"))

    return make


def test_answers_in_the_order_of_the_prompts_each_asked_once(serve, chat):
    server = serve(str.upper)
    assert chat(server).ask("be brief", ["a", "b", "a"]) == ["A", "B", "A"]
    assert sorted(body["messages"][1]["content"] for body in server.asked) == ["a", "b"]
    assert {body["temperature"] for body in server.asked} == {0}
    assert {body["messages"][0]["content"] for body in server.asked} == {"be brief"}


def test_what_was_answered_needs_no_server(serve, chat):
    server = serve(str.upper)
    chat(server).ask("s", ["a", "b"])
    server.close()
    assert chat("http://127.0.0.1:9").ask("s", ["b", "a"]) == ["B", "A"]


def test_another_instruction_or_model_is_another_question(serve, chat):
    server = serve(str.upper)
    chat(server).ask("s", ["a"])
    chat(server).ask("t", ["a"])
    chat(server, model="other").ask("s", ["a"])
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    "fault", [500, 503, 429, "slow", "drop", "{", "[]", '{"choices": []}', "<html>"]
)
def test_a_passing_fault_is_passed_over(serve, chat, fault):
    server = serve(str.upper)
    server.faults = [fault, fault]
    assert chat(server).ask("s", ["a"]) == ["A"]
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (500, "HTTP 500"),
        ("slow", "ReadTimeout"),
        ("drop", "ConnectionError"),
        ("{", "not as the interface says"),
    ],
)
def test_a_lasting_fault_is_a_clear_error_and_keeps_what_was_answered(
    serve, chat, fault, found, tmp_path
):
    server = serve(str.upper)
    chat(server).ask("s", ["known"])
    server.faults = [fault] * 3
    with pytest.raises(InputError, match=f"{server.url}: expected an answer.*{found}") as error:
        chat(server, concurrency=1).ask("s", ["a secret of the patient", "known"])
    assert "secret" not in str(error.value)
    assert len(server.asked) == 4
    assert chat("http://127.0.0.1:9").ask("s", ["known"]) == ["KNOWN"]
    assert not list(tmp_path.rglob("*.json.*"))


def test_a_server_that_is_down(chat):
    with pytest.raises(InputError, match=r"127.0.0.1:9: expected an answer of tiny.*3 attempts"):
        chat("http://127.0.0.1:9").ask("s", ["a"])


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_refusal_is_not_repeated(serve, chat, status):
    server = serve(str.upper)
    server.faults = [status]
    with pytest.raises(InputError, match=f"found HTTP {status}"):
        chat(server).ask("s", ["a"])
    assert len(server.asked) == 1


def test_no_more_at_once_than_allowed(serve, chat):
    def slowly(text: str) -> str:
        time.sleep(0.03)
        return text

    server = serve(slowly)
    chat(server, concurrency=3).ask("s", [str(i) for i in range(12)])
    assert server.most_at_once == 3


def test_key_comes_from_the_environment(serve, chat, monkeypatch):
    server = serve(str.upper)
    monkeypatch.setenv("FUSEHR_CHAT_KEY", "k1")
    chat(server).ask("s", ["a"])
    assert server.keys == ["Bearer k1"]


def test_a_damaged_answer_is_asked_for_again(serve, chat, tmp_path):
    server = serve(str.upper)
    chat(server).ask("s", ["a"])
    (path,) = (tmp_path / "answers").rglob("*.json")
    path.write_text(path.read_text().replace('"A"', '"B"'))
    assert chat(server).ask("s", ["a"]) == ["A"]
    assert len(server.asked) == 2


def test_summaries_by_chat(serve, hospital):
    server = serve(lambda text: "Gout is known. " + ("Tachycardia." if "132" in text else "Calm."))
    hospital.notes = [(3, "Pt has gout.")]
    hospital.values = [(47, "heart_rate", 132.0)]
    tables = hospital.run(summary=f"chat:{server.url}")
    summaries = tables["summaries"].set_index("sample_id")
    assert summaries["text"]["s-mortality"] == "Gout is known. Tachycardia."
    assert set(summaries["backend"]) == {"chat/tiny"}
    texts = tables["texts"].set_index("text_sha256")["text"]
    assert list(texts[list(summaries["sentences"]["s-mortality"])]) == [
        "Gout is known.",
        "Tachycardia.",
    ]
    prompt = next(b for b in server.asked if "132" in b["messages"][1]["content"])
    assert "- the patient has gout" in prompt["messages"][1]["content"]
    before = {path.name: path.read_bytes() for path in hospital.rag.iterdir()}
    server.close()
    hospital.run(summary=f"chat:{server.url}")
    assert before == {path.name: path.read_bytes() for path in hospital.rag.iterdir()}


def entities_of(tables: dict[str, pd.DataFrame]) -> list[tuple[str, str, str, str]]:
    found = tables["entities"]
    found = found[found["kind"] == "disease"]
    return list(
        found[["mention", "concept", "assertion", "link"]].itertuples(index=False, name=None)
    )


def test_extraction_by_chat_keeps_what_stands_in_the_note(serve, hospital, monkeypatch):
    import numpy as np

    from fusehr.rag import run

    def encode(texts):
        # `podagric disease` is near `gout` and nothing else is near anything
        vectors = np.zeros((len(texts), 8), dtype=np.float32)
        vectors[:, 0] = [text in ("gout", "podagric disease") for text in texts]
        vectors[:, 1] = 1.0 - vectors[:, 0]
        vectors[:, 2] = [text == "strange ailment" for text in texts]
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    monkeypatch.setattr(run, "matching_encoder", lambda *_, **__: encode)
    answers = '["Sarcoidosis", "podagric disease", "lupus", "strange ailment"]'
    server = serve(lambda text: f"Here you are:\n{answers}")
    note = "No sarcoidosis. Pt has podagric disease and a strange ailment. Asthma unheard of."
    hospital.notes = [(3, note)]
    tables = hospital.run(extraction=f"chat:{server.url}", link_threshold=0.9)
    assert entities_of(tables) == [
        ("sarcoidosis", "sarcoidosis", "absent", "name"),
        ("podagric disease", "gout", "present", "cosine"),
    ]
    text = tables["summaries"].set_index("sample_id")["text"]["s-mortality"]
    assert "the patient has gout" in text and "sarcoidosis" not in text


def test_answers_that_are_no_lists_stop_the_run_above_a_share(serve, hospital):
    server = serve(lambda text: "I cannot do that.")
    hospital.notes = [(3, "Pt has gout.")]
    with pytest.raises(InputError, match="found something else for 1 of 1 notes"):
        hospital.run(extraction=f"chat:{server.url}")
    tables = hospital.run(extraction=f"chat:{server.url}", chat={"max_malformed_share": 1.0})
    assert entities_of(tables) == []


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A causal language model of random weights, saved as transformers save them."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    folder = tmp_path_factory.mktemp("tiny-qwen")
    words = ["<unk>", "<eos>", "the", "patient", "has", "gout", "falls", "is", "stable", "."]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", eos_token="<eos>", pad_token="<eos>"
    ).save_pretrained(folder)
    torch.manual_seed(5)
    config = Qwen2Config(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=512,
        bos_token_id=1,
        eos_token_id=1,
        pad_token_id=1,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    return folder


def test_a_language_model_summarises(serve, hospital, tiny_model):
    import torch
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    model = AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tiny_model)

    def generate(prompt: str) -> str:
        ids = torch.tensor([tokenizer(prompt)["input_ids"][-256:]])
        with torch.inference_mode():
            told = model.generate(  # type: ignore[attr-defined]
                ids, max_new_tokens=12, min_new_tokens=4, do_sample=False, suppress_tokens=[0, 1]
            )
        return tokenizer.decode(told[0, ids.shape[1] :])

    server = serve(generate)
    hospital.notes = [(3, "Pt has gout. Denies falls.")]
    tables = hospital.run(summary=f"chat:{server.url}", chat={"timeout_s": 30.0})
    asked = {body["messages"][1]["content"] for body in server.asked}
    assert {generate(prompt).strip() for prompt in asked} == set(tables["summaries"]["text"])
    assert tables["summaries"]["prompt_hash"].str.len().eq(64).all()
