"""Keep credentialed data off the remote that everyone pushes to."""

from __future__ import annotations

from pathlib import Path

from dvc.config import Config

from fusehr.core.frame.errors import InputError


def refuse_default_remote(remote: str, root: Path = Path()) -> None:
    """InputError where `remote` (raw.remote) is DVC's default remote, under whatever name.

    MIMIC-IV's data use agreement forbids passing on the data or what is derived from it, and
    `dvc push` without further words goes to the default remote. All levels of DVC's configuration
    count: a user's own file may set the default too.
    """
    folder = root / ".dvc"
    config = Config(str(folder) if folder.is_dir() else None)
    default = config["core"].get("remote")
    if not remote:
        raise InputError(
            "params.yaml: raw.remote: expected the name of a DVC remote for restricted data, "
            "found none"
        )
    if default is None:
        return
    addresses = {name: settings.get("url") for name, settings in config["remote"].items()}
    same = remote in addresses and addresses[remote] == addresses.get(default)
    if remote == default or same:
        raise InputError(
            f"params.yaml: raw.remote: expected another remote than the default ({default}, "
            f"core.remote of DVC's configuration), as restricted data must not reach it; "
            f"found {remote}"
        )
