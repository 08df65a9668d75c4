# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: Test a host after its activation
version_added: 1.0.0
description:
  - Runs the probes of the service on the host, and those with C(from=controller) from the controller. Each must pass
    several times in a row over a minimum time.
  - One of them must have seen the new release, or a process that was started after the switch.
  - Then runs the C(suites) of the service, which the site wrote for pytest-testinfra, against the host.
author:
  - Tidegate contributors (@tidegate)
extends_documentation_fragment:
  - tidegate.deploy.attributes
  - tidegate.deploy.attributes.changes_no_release
  - tidegate.deploy.procedure.host_step
seealso:
  - module: tidegate.deploy.activate
  - module: tidegate.deploy.confirm
"""

EXAMPLES = r"""
- name: Test what was activated
  tidegate.deploy.probe:
  become: true
"""

RETURN = r"""
results:
  description: What each probe came to.
  returned: when it was probed on the host with success
  type: list
  elements: dict
  contains:
    name:
      description: The probe.
      returned: always
      type: str
    ok:
      description: Whether it passed.
      returned: always
      type: bool
    detail:
      description: What was found, and expected.
      returned: always
      type: str
    latency_ms:
      description: How long the last answer took, if there was one.
      returned: always
      type: int
tests:
  description: What each test of the site's suites came to.
  returned: when the service has suites and they were run
  type: list
  elements: dict
  contains:
    name:
      description: File and name of the test.
      returned: always
      type: str
    outcome:
      description: V(passed), V(skipped) or V(failed).
      returned: always
      type: str
    detail:
      description: Why it did not pass.
      returned: always
      type: str
msg:
  description: What the step came to, in one sentence; a code stands before it where it did not go well.
  returned: always
  type: str
tidegate:
  description: The same in parts. The verdict is V(ok), V(back), V(skipped), V(failed) or V(unknown).
  returned: always
  type: dict
  sample:
    step: probe
    verdict: ok
    say: 3 probes passed
    code: ""
"""
