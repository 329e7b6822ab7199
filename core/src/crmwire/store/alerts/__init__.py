"""What is wrong, whom to tell of it, and what was told: all of it outlives a restart."""

from __future__ import annotations

from crmwire.store.alerts.decisions import Decision, Opening, record
from crmwire.store.alerts.notice_rows import (
    NewNotice,
    NoticeRow,
    add_notice,
    due_notices,
    notice,
    notice_failed,
    notice_sent,
    notices,
    take_notice,
)
from crmwire.store.alerts.target_rows import (
    EVERY_TEAM,
    Digest,
    TargetRow,
    delete_target,
    insert_target,
    target,
    targets,
    update_target,
)
from crmwire.store.alerts.trouble_rows import (
    KEPT_FOR,
    Standing,
    TroubleRow,
    open_troubles,
    purge,
    standing,
)

__all__ = [
    "EVERY_TEAM",
    "KEPT_FOR",
    "Decision",
    "Digest",
    "NewNotice",
    "NoticeRow",
    "Opening",
    "Standing",
    "TargetRow",
    "TroubleRow",
    "add_notice",
    "delete_target",
    "due_notices",
    "insert_target",
    "notice",
    "notice_failed",
    "notice_sent",
    "notices",
    "open_troubles",
    "purge",
    "record",
    "standing",
    "take_notice",
    "target",
    "targets",
    "update_target",
]
