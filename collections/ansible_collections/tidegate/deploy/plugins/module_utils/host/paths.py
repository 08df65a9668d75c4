# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the host program keeps its own files, as one value that tests can point elsewhere."""

from __future__ import annotations

import os

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # of all that we start


class Paths:
    """The folders of the host program; everything below them is named here and nowhere else.

    Args:
        state: journals and manifests; survives a reboot; 0700.
        lib: the installed host programs.
        run: what is gone with a reboot; 0700.
        etc: where the host says who it is, and who may do what.
    """

    __slots__ = ("etc", "lib", "run", "state")  # no dataclass: every step of the program imports this, and pays for it

    def __init__(
        self,
        state: str = "/var/lib/tidegate",
        lib: str = "/usr/local/lib/tidegate",
        run: str = "/run/tidegate",
        etc: str = "/etc",
    ) -> None:
        self.state = state
        self.lib = lib
        self.run = run
        self.etc = etc

    @property
    def lock(self) -> str:
        """The one lock for all transitions of the host."""
        return os.path.join(self.state, "lock")

    @property
    def install_lock(self) -> str:
        """The lock that one installation of a host program holds."""
        return os.path.join(self.state, "install.lock")

    @property
    def services(self) -> str:
        """The folder with one folder per service."""
        return os.path.join(self.state, "services")

    def service(self, name: str) -> str:
        """The folder of one service."""
        return os.path.join(self.services, name)

    def journal(self, name: str) -> str:
        """The one current state of a service."""
        return os.path.join(self.service(name), "journal.json")

    def fence(self, name: str) -> str:
        """The highest lease number that a service has seen."""
        return os.path.join(self.service(name), "fence")

    def history(self, name: str) -> str:
        """A line per past state of a service."""
        return os.path.join(self.service(name), "history")

    def activation(self, name: str, aid: str) -> str:
        """All that one activation may become."""
        return os.path.join(self.service(name), aid)

    def manifests(self, name: str) -> str:
        """The folder with the manifests of the releases kept."""
        return os.path.join(self.service(name), "manifests")

    def manifest(self, name: str, release_id: str) -> str:
        """The manifest of one release."""
        return os.path.join(self.manifests(name), release_id + ".json")

    def seal(self, name: str, release_id: str) -> str:
        """What the kernel said of the files of one release when they had just been staged."""
        return os.path.join(self.manifests(name), release_id + ".seal")

    def partial(self, name: str) -> str:
        """The folder with downloads that were interrupted."""
        return os.path.join(self.service(name), "partial")

    def staging_lock(self, name: str) -> str:
        """The lock that one staging of a service holds."""
        return os.path.join(self.service(name), "staging.lock")

    # --- an enrolled host

    @property
    def identity(self) -> str:
        """Who this host is; there only while it is enrolled."""
        return os.path.join(self.state, "identity.json")

    @property
    def trust(self) -> str:
        """The folder with every trust bundle that this host has had."""
        return os.path.join(self.state, "trust")

    def bundle(self, number: int) -> str:
        """One trust bundle, its exact bytes."""
        return os.path.join(self.trust, f"{number}.json")

    def bundle_signatures(self, number: int) -> str:
        """The signatures of one trust bundle."""
        return os.path.join(self.trust, f"{number}.sigs")

    def record(self, name: str) -> str:
        """What was counted and closed of the statements about one service."""
        return os.path.join(self.service(name), "warden.json")

    def challenge(self, name: str, emergency: bool = False) -> str:
        """The challenge of one service; that of an emergency is another one."""
        return os.path.join(self.run, "challenges", f"{name}.emergency" if emergency else name)

    @property
    def verified(self) -> str:
        """The folder with one empty file per signature that was found true since the host booted."""
        return os.path.join(self.run, "verified")

    @property
    def home(self) -> str:
        """The home of the user as whom an enrolled host is driven; root's."""
        return f"{self.state}-login"

    @property
    def sudoers(self) -> str:
        """The one rule by which that user reaches the host program."""
        return os.path.join(self.etc, "sudoers.d", "tidegate")
