"""A Dovecot of a test's own: one user, a Maildir, plain text on a local port."""

import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

from imapclient import IMAPClient
from triage_worker.demo.embedded_broker import free_port

from tests.worker.intake.imap_server import PASSWORD, USER

CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail
first_valid_uid = 1
default_internal_user = {owner}
default_login_user = {owner}
default_internal_group = {group}
mail_uid = {owner}
mail_gid = {group}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={owner} gid={group} home={folder}/home
}}
"""


class Dovecot:
    """A server that runs while the context is open.

    Args:
        folder: for its files; short, since its sockets are in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        owner, group = ("mail", "mail") if os.getuid() == 0 else (str(os.getuid()), str(os.getgid()))
        for name in ("run", "state", "mail", "home"):
            (self._folder / name).mkdir()
        if os.getuid() == 0:
            for parent in [self._folder, *list(self._folder.parents)[:2]]:
                parent.chmod(0o755)
            subprocess.run(["chown", "-R", f"{owner}:{group}", self._folder], check=True)
        config = CONFIG.format(folder=self._folder, owner=owner, group=group, port=self.port, password=PASSWORD)
        (self._folder / "dovecot.conf").write_text(config)
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def deliver(self, mail: bytes) -> None:
        """Put a mail into the inbox, as a mail server does."""
        with self._client() as client:
            client.append("INBOX", mail)

    def restart(self) -> None:
        """End it, and start it again."""
        self._stop()
        self._start()

    def flags(self) -> dict[int, Any]:
        """Return the flags of all mails, by UID."""
        with self._client() as client:
            client.select_folder("INBOX", readonly=True)
            flags: dict[int, Any] = client.get_flags(client.search())
            return flags

    def _client(self) -> Any:
        client = IMAPClient("127.0.0.1", self.port, ssl=False)
        client.login(USER, PASSWORD)
        return client

    def _start(self) -> None:
        self._process = subprocess.Popen(["dovecot", "-F", "-c", self._folder / "dovecot.conf"])
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert time.monotonic() < deadline, (self._folder / "log").read_text()
                time.sleep(0.05)
            else:
                return

    def _stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(20)
