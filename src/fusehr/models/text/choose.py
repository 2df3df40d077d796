"""From the parameter `embed.encoder` to an encoder that needs no fitting."""

from __future__ import annotations

from fusehr.core.params.embed import EmbedParams
from fusehr.models.text import pretrained
from fusehr.models.text.encoder import TextEncoder
from fusehr.models.text.pretrained import Files, Pooling


def ready_encoder(params: EmbedParams) -> TextEncoder | None:
    """The encoder, or None for tfidf_svd, which is fitted first (see tfidf).

    Raises InputError where it is not to be had or its parameters do not fit it.
    """
    # each imports its own libraries: an endpoint needs no transformers
    kind, _, rest = params.encoder.partition(":")
    if kind == "gradio":
        from fusehr.models.text.gradio_endpoint import GradioEncoder

        return GradioEncoder(rest, params.gradio, dimension=params.dimension)
    if kind == "hf":
        return _transformer(rest, pretrained.inspect(pretrained.hub_folder(rest)), params)
    if kind == "minilm":
        return _transformer("minilm", pretrained.inspect(pretrained.minilm_folder()), params)
    return None


def _transformer(name: str, files: Files, params: EmbedParams) -> TextEncoder:
    from fusehr.models.text.transformer import TransformerEncoder

    declared = pretrained.declares_matryoshka(name, files)
    pooling: Pooling | None = None if params.pooling == "auto" else params.pooling
    return TransformerEncoder(
        # a folder's last part: outputs hold no path of this computer
        name.rstrip("/").rsplit("/", 1)[-1],
        files,
        matryoshka=declared if params.matryoshka == "auto" else params.matryoshka == "yes",
        dtype=params.dtype,
        pooling=pooling,
        max_tokens=params.max_tokens,
        dimension=params.dimension,
        tokens_per_batch=params.tokens_per_batch,
        device=params.device,
        threads=params.threads,
    )
