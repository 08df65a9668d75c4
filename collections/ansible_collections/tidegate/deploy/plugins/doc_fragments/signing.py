# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What everything that people sign has in common, for its pages."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of `procedure.signing` that are the same wherever something is signed."""

    DOCUMENTATION = r"""
options:
  key:
    description:
      - Path of the key that signs, or of the public half of one in an agent or a FIDO token.
      - Without it the one key of the agent is taken that belongs to somebody who may sign.
    type: path
  sign:
    description: Sign what is shown, without asking.
    type: bool
    default: false
  signature:
    description: A signature that C(ssh-keygen -Y sign) made of the same bytes elsewhere.
    type: path
"""
