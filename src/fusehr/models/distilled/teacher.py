"""A pretrained language model with low-rank adapters and a linear head, as a classifier of texts.

LoRA: Hu et al., arXiv 2106.09685, by peft. The layers below the lowest adapter never change, so
what they make of a text can be computed once and kept (`below`); training then runs the others.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils.save_and_load import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM
from transformers.utils import logging

from fusehr.core.frame.errors import InputError
from fusehr.core.frame.files import read_json
from fusehr.core.params.distill import LoraParams, TeacherParams
from fusehr.models.distilled.tokens import TokenBatch
from fusehr.models.networks.token_pooling import pooled
from fusehr.models.text.pretrained import Pooling, hub_folder, inspect, minilm_folder

ADAPTER, ADAPTER_CONFIG, HEAD = "adapter_model.safetensors", "adapter_config.json", "head"
DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}
CAUSAL = ("qwen2", "qwen3", "llama", "mistral", "gemma", "gemma2", "gemma3_text", "phi3")


@dataclass(frozen=True)
class Source:
    """Where a model's files are and how its tokens are pooled. max_tokens: 0 where not told."""

    name: str
    folder: Path
    body: Path
    pooling: Pooling
    max_tokens: int


def teacher_source(params: TeacherParams) -> Source:
    """What `distill.teacher.model` names; InputError where it is not to be had."""
    named = params.model.removeprefix("hf:")
    try:
        folder = minilm_folder() if params.model == "minilm" else hub_folder(named)
    except InputError as error:
        raise InputError(f"params.yaml: distill.teacher.model: {error}") from None
    files = inspect(folder)
    config = _config(files.body)
    usual: Pooling = "last" if config.model_type in CAUSAL else "cls"
    pooling = files.pooling or usual if params.pooling == "auto" else params.pooling
    positions = int(getattr(config, "max_position_embeddings", 0) or 0)
    most = params.max_tokens or min(n for n in (files.max_tokens or 1024, positions or 1024))
    if positions and most > positions:
        raise InputError(
            f"params.yaml: distill.teacher.max_tokens: expected at most {positions} for "
            f"{params.model}, found {most}"
        )
    # a folder of this host is no part of the result
    name = f"hf:{folder.name}" if Path(named).is_dir() else params.model
    return Source(name, folder, files.body, pooling, most)


class Teacher(nn.Module):
    """Logits of texts: a body, whose last layers have adapters, pooled, and a linear head."""

    def __init__(self, source: Source, n_classes: int, params: TeacherParams) -> None:
        super().__init__()
        self.source = source
        self.dtype = DTYPES[params.dtype]
        logging.disable_progress_bar()
        adapted = bool(params.adapter)
        self.peft = _given(source, params) if adapted else _fresh(source, params)
        whole: Any = self.peft.get_base_model()
        # a model for generating text holds its body beside a layer over the vocabulary
        self.body: Any = getattr(whole, whole.base_model_prefix, whole) if adapted else whole
        self._attention: str = self.body.config._attn_implementation
        layers = _layers(self.body)
        if adapted:
            self.trained = 0
        else:
            self.trained = min(params.lora.layers or len(layers), len(layers))
        for name, parameter in self.peft.named_parameters():
            parameter.requires_grad = "lora_" in name and not adapted
            if parameter.requires_grad:
                # small steps are lost in 8 bits of precision
                parameter.data = parameter.data.float()
        self.head = nn.Linear(int(self.body.config.hidden_size), n_classes)

    def train(self, mode: bool = True) -> Teacher:
        """As of every module, but only adapters drop out: what never changes need not be noisy."""
        super().train(mode)
        for name, module in self.peft.named_modules():
            if "lora_dropout" not in name:
                module.training = False
        # on a processor the gradient of fused attention takes longer than that of plain products
        plain = mode and self.head.weight.device.type == "cpu"
        self.body.set_attn_implementation("eager" if plain else self._attention)
        return self

    def forward(self, batch: TokenBatch, hidden: Tensor | None = None) -> Tensor:
        """(b, n_classes). hidden (b, l, d): what `below` gave for these texts, padded behind."""
        if hidden is None:
            found = self._run(self.body, batch)
        else:
            with self._only(slice(self._first, None), replaced=hidden):
                found = self._run(self.body, batch)
        return self.head(pooled(found.last_hidden_state, batch.mask, self.source.pooling))

    @torch.inference_mode()
    def below(self, batch: TokenBatch) -> Tensor:
        """(b, l, d) in the body's precision: the input of the lowest layer with an adapter."""
        kept: list[Tensor] = []
        layer = _layers(self.body)[self._first - 1]
        hook = layer.register_forward_hook(lambda _m, _i, out: kept.append(_first_of(out)))
        try:
            with self._only(slice(0, self._first)):
                self._run(self.body, batch)
        finally:
            hook.remove()
        return kept[0]

    @property
    def has_below(self) -> bool:
        """Whether there are layers that never change, and others above them."""
        return 0 < self._first < len(_layers(self.body))

    @torch.inference_mode()
    def logits_and_attention(self, batch: TokenBatch) -> tuple[Tensor, Tensor]:
        """(b, n_classes), and the last layer's attention (b, l, l) in float32, mean over heads."""
        self.body.set_attn_implementation("eager")
        try:
            found = self._run(self.body, batch, output_attentions=True)
        finally:
            self.body.set_attn_implementation(self._attention)
        logits = self.head(pooled(found.last_hidden_state, batch.mask, self.source.pooling))
        return logits, found.attentions[-1].float().mean(dim=1)

    def learnt(self) -> dict[str, Tensor]:
        """Everything that training changes: the adapters and the head, in float32."""
        adapters = _adapters(self.peft) if self.trained else {}
        of_head = {f"{HEAD}.{k}": v for k, v in self.head.state_dict().items()}
        return {k: v.detach().cpu().contiguous() for k, v in {**adapters, **of_head}.items()}

    def take(self, learnt: dict[str, Tensor]) -> None:
        """Put back what `learnt` gave."""
        own = dict(learnt)
        of_head = {k: own.pop(f"{HEAD}.{k}") for k in self.head.state_dict()}
        self.head.load_state_dict(of_head)
        if self.trained:
            set_peft_model_state_dict(self.peft, own)

    def save(self, stem: Path) -> None:
        """Write `<stem>.safetensors`; a folder with peft's own files is made of it by `export`."""
        save_file(self.learnt(), f"{stem}.safetensors")

    def load(self, stem: Path) -> None:
        """What `save` wrote."""
        self.take(load_file(f"{stem}.safetensors"))

    @property
    def _first(self) -> int:
        return len(_layers(self.body)) - self.trained

    def _run(self, body: Any, batch: TokenBatch, **asked: Any) -> Any:
        enabled = self.dtype == torch.bfloat16
        with torch.autocast(batch.ids.device.type, torch.bfloat16, enabled=enabled):
            whole = bool(batch.mask.all())
            # without padding no mask is needed, and kernels without one are faster
            mask = None if whole else batch.mask.long()
            return body(
                input_ids=batch.ids, attention_mask=mask, return_dict=True, **self._extra, **asked
            )

    @property
    def _extra(self) -> dict[str, Any]:
        return {"use_cache": False} if hasattr(self.body.config, "use_cache") else {}

    @contextmanager
    def _only(self, part: slice, replaced: Tensor | None = None) -> Iterator[None]:
        """The body with some of its layers, the first of which gets `replaced` as its input."""
        owner, name, layers = _owner(self.body)
        setattr(owner, name, layers[part])

        def replace(_module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
            if given:
                return (replaced, *given[1:]), named
            return given, {**named, "hidden_states": replaced}

        hook = None
        if replaced is not None:
            hook = layers[part][0].register_forward_pre_hook(replace, with_kwargs=True)
        try:
            yield
        finally:
            setattr(owner, name, layers)
            if hook is not None:
                hook.remove()


def _adapters(model: PeftModel) -> dict[str, Tensor]:
    # words are never added, which peft would look for in the base model's files
    return get_peft_model_state_dict(model, save_embedding_layers=False)


def _first_of(out: Any) -> Tensor:
    return out[0] if isinstance(out, tuple) else out


def _owner(body: Any) -> tuple[nn.Module, str, nn.ModuleList]:
    """The module that holds the list of layers, the list's name, and the list."""
    n = int(body.config.num_hidden_layers)
    for module in body.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.ModuleList) and len(child) == n:
                return module, name, child
    raise InputError(f"params.yaml: distill.teacher.model: expected a list of {n} layers in it")


def _layers(body: Any) -> nn.ModuleList:
    return _owner(body)[2]


def _config(folder: Path) -> Any:
    try:
        return AutoConfig.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{folder}: expected a transformers model, found: {reason}") from None


def _load(kind: Any, folder: Path, dtype: torch.dtype) -> Any:
    try:
        return kind.from_pretrained(folder, dtype=dtype)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{folder}: expected a transformers model, found: {reason}") from None


def _fresh(source: Source, params: TeacherParams) -> PeftModel:
    body = _load(AutoModel, source.body, DTYPES[params.dtype])
    lora: LoraParams = params.lora
    n = len(_layers(body))
    if lora.layers > n:
        raise InputError(
            f"params.yaml: distill.teacher.lora.layers: expected at most {n}, found {lora.layers}"
        )
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]
        lora_dropout=lora.dropout,
        target_modules=_linear_layers(body, n - (lora.layers or n)),
    )
    with warnings.catch_warnings():
        # peft asks the body by a name that transformers is about to change
        warnings.simplefilter("ignore", FutureWarning)
        model = get_peft_model(body, config)
    # a folder of this host is no part of the result
    config.base_model_name_or_path = source.name
    return model


def _linear_layers(body: Any, first: int) -> list[str]:
    """Names of every linear layer in the layers from `first` on, as in QLoRA (arXiv 2305.14314).

    With adapters of queries and values alone, as in LoRA's paper, .05 of AUROC was lost.
    """
    chosen = {id(m) for layer in _layers(body)[first:] for m in layer.modules()}
    return [
        name
        for name, module in body.named_modules()
        if isinstance(module, nn.Linear) and id(module) in chosen
    ]


def _given(source: Source, params: TeacherParams) -> PeftModel:
    """The model with an adapter trained elsewhere, such as LLaMA-Factory's output folder."""
    folder, where = Path(params.adapter), "params.yaml: distill.teacher.adapter"
    for name in (ADAPTER_CONFIG, ADAPTER):
        if not (folder / name).is_file():
            raise InputError(f"{where}: expected {name} in {folder}, found none")
    config = read_json(folder / ADAPTER_CONFIG)
    base = str(config.get("base_model_name_or_path") or "")
    if _short(base) != _short(source.name):
        raise InputError(
            f"{where}: expected an adapter for {_short(source.name)}, found one for {_short(base)}"
        )
    causal = config.get("task_type") == "CAUSAL_LM"
    kind = AutoModelForCausalLM if causal else AutoModel
    body = _load(kind, source.body, DTYPES[params.dtype])
    try:
        model = PeftModel.from_pretrained(body, str(folder))
    except (RuntimeError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{where}: it does not fit {params.model}: {reason}") from None
    own = set(_adapters(model))
    given = set(load_file(str(folder / ADAPTER)))
    if own != given:
        raise InputError(
            f"{where}: expected weights for {len(own)} places of {params.model}, found "
            f"{len(own & given)} of them and {len(given - own)} others"
        )
    return model


def _short(name: str) -> str:
    """Qwen2.5-7B-Instruct of hf:Qwen/Qwen2.5-7B-Instruct or of a folder of that name."""
    return name.removeprefix("hf:").rstrip("/").rsplit("/", 1)[-1]
