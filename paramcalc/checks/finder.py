"""Which files under the paths are specifications or configs, and what becomes of every other that could be one."""

from __future__ import annotations

import os
import stat
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.checks.recognise import OTHER, Kind, Recognised, candidate, likely, recognise
from paramcalc.checks.results import File
from paramcalc.errors import InputError, Problem
from paramcalc.readers.files import DANGLING, POINT
from paramcalc.readers.git import tracked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

INSTALLED = {"node_modules", "__pycache__", "site-packages", ".git"}
"""Folders that are not looked into: what is there was installed, or is git's own."""
OTHERS = {"vendor", "_vendor", "third_party", "venv"}
"""Folders that hold what others wrote."""
LOOKS = 50_000
"""Entries of folders whose files are not checked that are looked at, to say which of them could have been."""


class Search(NamedTuple):
    """What is under the paths."""

    files: tuple[File, ...]
    others: tuple[str, ...] = ()
    """YAML and JSON files that say nothing of a model."""
    unsearched: tuple[str, ...] = ()
    """Folders that were not looked into."""
    folders: tuple[Path, ...] = ()
    """Folders that were named, and those of files that were."""
    unclear: tuple[str, ...] = ()
    """Files that are skipped for what they say, not for where they are."""

    @property
    def checked(self) -> tuple[Path, ...]:
        """The files to check, in order."""
        return tuple(Path(file.path) for file in self.files if file.state == "checked")

    @property
    def silent(self) -> tuple[str, ...]:
        """Files of which there are no figures, though they may have had some before."""
        return (*self.others, *self.unclear)


def find(paths: Iterable[Path], *, only_specs: bool = False) -> Search:
    """Files named, and in folders every specification and config.

    With `only_specs` a file named is treated as one found in a folder: what says nothing of a model is passed over.
    Raises InputError for a path that is not there, and, without `only_specs`, where nothing at all is found.
    """
    finder = _Finder()
    missing, folders = [], dict[Path, None]()
    for path in paths:
        folders[path if os.path.isdir(path) else path.parent] = None
        if os.path.isdir(path):
            finder.search(path)
        elif not os.path.lexists(path):
            missing.append(Problem("no such file or folder", source=str(path)))
        elif only_specs:
            finder.look(path, "")
        else:
            finder.name(path)
    if missing:
        raise InputError(*missing)
    if not only_specs and not any(file.state == "checked" for file in finder.files.values()):
        skipped = [f"{file.path}: {file.why}" for file in islice(finder.files.values(), 3)]
        raise InputError(Problem("nothing to check" + "".join(f"; skipped {why}" for why in skipped),
                                 hint="a spec says `paramcalc: 1`, a config.json `model_type`"))
    return Search(tuple(finder.files.values()), tuple(finder.others), tuple(finder.unsearched), tuple(folders),
                  tuple(finder.unclear))


class _Finder:
    """One search: files by path, in the order they are found."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.others: dict[str, None] = {}
        self.unclear: dict[str, None] = {}
        self.unsearched: dict[str, None] = {}
        self._looks = LOOKS
        self._root = ""

    def search(self, folder: Path) -> None:
        """Everything below a folder."""
        self._root = os.path.realpath(folder)
        self.unsearched.pop(str(folder), None)
        files = tracked(folder)
        names = None if files is None else {str(path) for path in files}
        above = None if names is None else {os.path.dirname(path) for path in names}
        if above is not None:  # every folder with a file git knows, at any depth
            for path in tuple(above):
                while (path := os.path.dirname(path)) and path not in above:
                    above.add(path)
        self._below(folder, "", names, above)

    def _below(self, folder: Path, why: str, tracked: set[str] | None, above: set[str] | None) -> None:
        """The files of a folder, then those of its folders; `why` says why they are not checked, if they are not."""
        try:
            entries = sorted(self._entries(folder, why), key=lambda entry: entry.name)
        except OSError as error:
            reason = (error.strerror or "unknown error").lower()
            self.files[str(folder)] = File(str(folder), "checked", f"cannot be searched: {reason}")
            return
        for entry in entries:
            path = folder / entry.name
            if candidate(entry.name) and not _is_folder(entry):
                hidden = "hidden" if entry.name.startswith(".") else ""
                ignored = "ignored by git" if tracked is not None and str(path) not in tracked else ""
                self.look(path, why or hidden or ignored)
        for entry in entries:
            if _is_folder(entry):
                self._folder(entry, folder / entry.name, why, tracked, above)

    def _folder(self, entry: os.DirEntry[str], path: Path, why: str, tracked: set[str] | None, above: set[str] | None,
                ) -> None:
        linked = entry.is_symlink()
        if linked and (os.path.realpath(path) + os.sep).startswith(self._root + os.sep):
            self.unsearched[str(path)] = None  # its files are seen where they are
            return
        if entry.name in INSTALLED or os.path.isfile(path / "pyvenv.cfg") or (why and (linked or self._looks <= 0)):
            if entry.name != ".git":
                self.unsearched[str(path)] = None
            return
        if not why and linked:
            why = "in a linked folder"
        elif not why and entry.name.startswith("."):
            why = "in a hidden folder"
        elif not why and entry.name in OTHERS:
            why = f"in a folder named {entry.name}"
        elif not why and above is not None and str(path) not in above:
            why = "in another repository" if os.path.exists(path / ".git") else "ignored by git"
        self._below(path, why, tracked, above)

    def _entries(self, folder: Path, why: str) -> Iterator[os.DirEntry[str]]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if why:
                    self._looks -= 1
                    if self._looks < 0:
                        self.unsearched[str(folder)] = None
                        return
                yield entry

    def name(self, path: Path) -> None:
        """A file to check whatever it says, also where a folder's search passed it over."""
        self.others.pop(str(path), None)
        self.unclear.pop(str(path), None)
        if not self._is_checked(str(path)):
            self.files[str(path)] = File(str(path))

    def look(self, path: Path, why: str) -> None:
        """Sort one file in; `why` says why it is not checked even if it is ours."""
        name = str(path)
        if self._is_checked(name) or (why and name in self.files):
            return
        recognised = _recognised(path)
        if recognised.kind is Kind.unclear:
            self.unclear[name] = None
        if recognised.kind is Kind.other:
            self.others[name] = None
        elif why or recognised.kind is Kind.unclear:
            self.files[name] = File(name, "skipped", recognised.why if recognised.kind is Kind.unclear else why)
        else:
            self.files[name] = File(name, "checked", recognised.why, recognised.hint)

    def _is_checked(self, name: str) -> bool:
        file = self.files.get(name)
        return file is not None and file.state == "checked"


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder; a link that goes in a circle, or to where nobody may look, is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _recognised(path: Path) -> Recognised:
    likely_name = likely(path.name)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe is never opened: it might wait for ever
            return Recognised(Kind.unclear, "not a regular file") if likely_name else OTHER
        return recognise(path)
    except FileNotFoundError:
        why, hint = DANGLING, POINT
    except OSError as error:
        why, hint = f"cannot be read: {(error.strerror or 'unknown error').lower()}", ""
    return Recognised(Kind.near, why, hint) if likely_name else OTHER
