# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all action plugins of this collection share: arguments in, one decision, a result that callbacks may see."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase
from ansible.plugins.loader import filter_loader
from ansible.utils.display import Display

from ansible_collections.tidegate.deploy.plugins.module_utils.core.errors import Refusal
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.plain import plain
from ansible_collections.tidegate.deploy.plugins.plugin_utils.inventory.validate import prepare
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.postgresql import Away
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.store import Store
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.warm import warm
from ansible_collections.tidegate.deploy.plugins.plugin_utils.ledger.witnesses import places, require_kept
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.refusing import (
    deny,
    entered,
    refuse_limit,
    refuse_unsafe,
    run_of,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.result import (
    FAILED,
    SKIPPED,
    UNKNOWN,
    StepResult,
    where_it_stands,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.run import Run, last_of_process
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.signing_off import WITNESSES, sign_off
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.site import (
    Patience,
    Stopwatch,
    Tokens,
    drop_scratch,
    open_store,
    store_folder,
    store_path,
    store_to_finish,
)
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.supported import require_core
from ansible_collections.tidegate.deploy.plugins.plugin_utils.procedure.surroundings import told_unsafe
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.channel import Unreachable, of_action
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.fan import login_of
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.package import host_program
from ansible_collections.tidegate.deploy.plugins.plugin_utils.reach.program import Answer, HostProgram

# Ansible imports an action once in its main process, before it forks a worker per host and task: done here once for all.
host_program()
told_unsafe()
warm()
prepare()
filter_loader.get(
    "ansible.builtin.default"
)  # our roles' `become` has it, and the first filter that is asked for loads all
gc.freeze()  # what is here stays; a worker's collections would touch all of it, and so copy its pages


class Door(ActionBase):  # type: ignore[misc]
    """An action of this collection. A refusal becomes a failed result with its code; any other error is a bug."""

    STEP: ClassVar[str]
    ARGUMENTS: ClassVar[dict[str, Any]] = {}
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        self.task_vars: Mapping[str, Any] = task_vars or {}
        _spec, arguments = self.validate_argument_spec(self.ARGUMENTS)
        try:
            require_core()
            result = self.perform(plain(arguments))
        except Refusal as refusal:
            result = StepResult.refused(self.STEP, refusal)
        return result.as_task_result()

    def perform(self, arguments: Mapping[str, Any]) -> StepResult:
        """Do what the action is for.

        Raises:
            Refusal: what the world did not allow.
        """
        raise NotImplementedError

    def host_program(self, installs: bool, fresh: bool = False) -> HostProgram:
        """The program on the task's host.

        Args:
            installs: whether it is put there where it is missing.
            fresh: over a TCP connection and login of its own.
        """
        login = login_of({name: self.templated(name) for name in ("tidegate_enrolled", "tidegate_login")})
        channel = of_action(self, self.task_vars, login)
        if fresh:
            channel.fresh()
        interpreter = self.templated("ansible_python_interpreter")
        return HostProgram(channel, str(interpreter) if interpreter else None, self.check, installs, bool(login))

    def templated(self, variable: str) -> Any:
        """A variable of the task's host, with what it refers to; None where it is not defined."""
        return self._templar.template(self.task_vars[variable]) if variable in self.task_vars else None

    @property
    def check(self) -> bool:
        """Whether nothing may be written."""
        return bool(self._task.check_mode)

    @property
    def wants_diff(self) -> bool:
        """Whether the user asked for ``--diff``."""
        return bool(self._task.diff)


class RecordDoor(Door):
    """An action that works on the record of this site, for all hosts of a plan.

    Attributes:
        FINISHES: whether it goes on while the store is away, with what this run keeps beside it: it begins nothing new,
            and can be done again from its beginning.
        REFUSAL_TEXT: how a refusal reads that is entered in the ledger and then shown in a block of its own; None: the
            action sees to that itself.
    """

    FINISHES: ClassVar[bool] = False
    REFUSAL_TEXT: ClassVar[staticmethod[[Refusal], str] | None] = None

    def perform(self, arguments: Mapping[str, Any]) -> StepResult:
        try:
            with open_store(self.sources, self.check) as store:
                with entered(store, self.check):
                    refuse_limit()
                    refuse_unsafe()
                return self._acted(store, arguments)
        except Away:
            refuse_limit()
        with store_to_finish(self.sources, self.check) as store:
            return self.go_on(store, arguments)

    def _acted(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        try:
            return self.act(store, arguments)
        except Refusal as refusal:
            if self.REFUSAL_TEXT is not None:
                self.deny(store, refusal, arguments.get("id"))
                Display().display(self.REFUSAL_TEXT(refusal))
            raise

    def go_on(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        """Do what the action is for with what this run keeps beside the store, if it begins nothing.

        Raises:
            Refusal: STORE_AWAY.
        """
        if not self.FINISHES:
            store.require_there()
        return self.act(store, arguments)

    def require_kept(self, store: Store) -> None:
        """See that the store has lost nothing that the site's witnesses have seen, before something is added that begins.

        Raises:
            Refusal: STORE_BEHIND.
        """
        require_kept(store, places(plain(self.templated(WITNESSES))))

    def deny(self, store: Store, refusal: Refusal, identity: str | None = None) -> None:
        """Enter a refusal in the ledger before it is answered. Check mode enters nothing.

        Args:
            store: where it is recorded.
            refusal: that is about to be answered.
            identity: the change that it is about, as it was named; one that there is not is no id in the ledger.
        """
        deny(store, refusal, self.check, identity)

    def sign_off(self, store: Store, change_id: str | None = None) -> None:
        """Sign the ledger where a run has ended, and the record of its change; what did not work is a warning.

        While the store is away, whoever ends the next run does it. Check mode signs nothing.

        Args:
            store: where it is recorded.
            change_id: the change that the run was of, if it was of one.
        """
        if self.check or store.kept_in:
            return
        for warning in sign_off(store, plain(self.templated(WITNESSES)), change_id):
            Display().warning(warning)

    @property
    def store_path(self) -> str:
        """Where the record of this site is, also in check mode, for people."""
        return store_path(self.sources)

    @property
    def store_folder(self) -> str:
        """What lies beside the record of this site, also in check mode."""
        return store_folder(self.sources)

    @property
    def sources(self) -> list[str]:
        """Where the inventory was read from."""
        return [str(source) for source in self.task_vars.get("ansible_inventory_sources") or []]

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        """Do what the action is for, with the store at hand.

        Raises:
            Refusal: what the world did not allow.
        """
        raise NotImplementedError


class Question(RecordDoor):
    """An action for plays of the site's own that asks the record: also in a narrowed run, and beside a run of ours."""

    def perform(self, arguments: Mapping[str, Any]) -> StepResult:
        with open_store(self.sources, self.check) as store:
            try:
                with entered(store, self.check):
                    refuse_unsafe()
                return self.act(store, arguments)
            finally:
                if self.check and last_of_process(store) is None:
                    drop_scratch()


class WholeVerb(RecordDoor):
    """An action that is a verb by itself: what check mode kept for later tasks is dropped when it ends."""

    def perform(self, arguments: Mapping[str, Any]) -> StepResult:
        try:
            return super().perform(arguments)
        finally:
            if self.check:
                drop_scratch()


class HostStep(RecordDoor):
    """A step on one host of a run: it is skipped once the run stopped, and what it came to is recorded."""

    def act(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        run = run_of(store, self.check)
        host = str(self.task_vars["inventory_hostname"])
        run.plan.host(host)
        reason = self.reason_to_skip(run, host)
        if reason:
            return StepResult(self.STEP, SKIPPED, reason)
        if not self.FINISHES:
            store.require_there()
        watch = Stopwatch()
        try:
            result = self.step(run, host, arguments)
        except Unreachable as lost:
            result = self.unreachable(run, host, lost)
        except Away:
            raise
        except Refusal as refusal:
            result = StepResult.refused(self.STEP, refusal)
        except BaseException as broken:
            # A time limit of Ansible's, or a bug of ours: recorded, so that the host counts as failed and goes back.
            run.record(host, StepResult(self.STEP, FAILED, f"broke off: {type(broken).__name__}", code="BROKEN"))
            raise
        return run.record(host, result, touched=self.touched_after(run, result), took_ms=watch.ms)

    def go_on(self, store: Store, arguments: Mapping[str, Any]) -> StepResult:
        return self.act(store, arguments)

    def reason_to_skip(self, run: Run, host: str) -> str:
        """Why the step is not begun; empty if it is."""
        return run.reason_to_skip(host)

    def step(self, run: Run, host: str, arguments: Mapping[str, Any]) -> StepResult:
        """Do the step on the host."""
        raise NotImplementedError

    def unreachable(self, run: Run, host: str, lost: Unreachable) -> StepResult:
        """What it means that the host could not be asked."""
        return StepResult(self.STEP, UNKNOWN, f"cannot be reached: {lost}", code="UNREACHABLE")

    def touched_after(self, run: Run, result: StepResult) -> bool | None:
        """Whether the change had an effect on the host; None leaves what is known."""
        return None

    def call_until_answered(self, step: str, request: Mapping[str, Any], within_s: int, fresh: bool = False) -> Answer:
        """Have a step done, and ask again on new connections when one is lost: only the host knows how far it came.

        Args:
            step: one that answers where it stands when it is asked again.
            request: what it asks for.
            within_s: seconds for which a lost connection is not the end.
            fresh: whether the first connection has to be a new one, too.

        Raises:
            Unreachable: no connection came through in time.
        """
        patience = Patience(within_s)
        while True:
            try:
                return self.program(fresh).call(step, request)
            except Unreachable:
                if self.check or patience.over:
                    raise
                patience.pause()
                fresh = True

    def program(self, fresh: bool = False) -> HostProgram:
        """The program on the task's host.

        Args:
            fresh: over a TCP connection and login of its own.
        """
        return self.host_program(installs=True, fresh=fresh)

    def tokens(self, run: Run) -> Tokens:
        """The confirm tokens of the run."""
        return Tokens(run.store.folder, run.id)

    def result_of(self, answer: Answer, say: str, **more: Any) -> StepResult:
        """The result of an answer: `say` where it is ok, else the host's own words and where it stands."""
        where = where_it_stands(answer.service)
        if not answer.ok:
            return StepResult(self.STEP, FAILED, answer.message, code=answer.code, where=where, changed=answer.changed)
        return StepResult(self.STEP, more.pop("verdict", "ok"), say, changed=answer.changed, where=where, **more)
