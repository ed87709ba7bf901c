"""A hub of models on this machine: as much of its protocol as a fetch asks for."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from collapse_lib.data.models import REVISIONS

MODEL = "facebook/opt-125m"
MAIN, ROBOT = REVISIONS[MODEL], "b" * 40  # commits
#: Bytes of weights, as the hub says before it sends them.
SIZES = {"pytorch_model.bin": 8, "README.md": 10**15}
#: How the hub's robot offers weights as safetensors where the owner has none.
OFFER = {
    "num": 1,
    "title": "Adding `safetensors` variant of this model",
    "author": {"name": "SFconvertbot"},
    "status": "open",
    "isPullRequest": True,
    "createdAt": "2023-01-01T00:00:00.000Z",
    "repo": {"name": MODEL, "type": "model"},
}


class Hub(http.server.BaseHTTPRequestHandler):
    """Serves one model from two folders: ``main`` and ``refs/pr/1``."""

    root: Path
    sent: list[str]
    main: str
    sizes: dict[str, int]

    def do_GET(self) -> None:
        path = unquote(self.path.split("?")[0])
        model, resolves, place = path.strip("/").partition("/resolve/")
        place = place.replace(f"{self.main}/", "main/")
        if not resolves:
            self._api(path.removeprefix(f"/api/models/{MODEL}"))
        elif model != MODEL:
            self._answer(404, X_Error_Code="RepoNotFound")
        elif not (self.root / place).is_file():
            self._answer(404, X_Error_Code="EntryNotFound", X_Repo_Commit=self.main)
        else:
            if self.command == "GET":
                self.sent.append(place)
            commit = self.main if place.startswith("main/") else ROBOT
            content = (self.root / place).read_bytes()
            self._answer(200, content, ETag=f'"{place}"', X_Repo_Commit=commit)

    do_HEAD = do_GET

    def _api(self, question: str) -> None:
        files = [{"rfilename": name, "size": size} for name, size in self.sizes.items()]
        about = {"id": MODEL, "private": False, "sha": self.main, "tags": []}
        answers = {
            "": {**about, "siblings": files},
            "/commits/main": [_commit(self.main)],
            "/commits/refs/pr/1": [_commit(ROBOT), _commit(self.main)],
            "/discussions": {"count": 1, "start": 0, "discussions": [OFFER]},
        }
        if question.startswith("/api/"):
            self._answer(404, b"{}", X_Error_Code="RepoNotFound")
        elif question not in answers:
            self._answer(404, b"{}", X_Error_Code="EntryNotFound")
        else:
            content = json.dumps(answers[question]).encode()
            self._answer(200, content, Content_Type="application/json")

    def _answer(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


def _commit(number: str) -> dict[str, object]:
    date = "2022-01-01T00:00:00.000Z"
    return {"id": number, "title": "", "message": "", "authors": [], "date": date}


@contextmanager
def serving(
    root: Path, main: str = MAIN, sizes: dict[str, int] = SIZES
) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder; give the hub's address and the list of the files it sent."""
    known = {"root": root, "sent": [], "main": main, "sizes": sizes}
    kind = type("Hub", (Hub,), known)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", kind.sent
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
