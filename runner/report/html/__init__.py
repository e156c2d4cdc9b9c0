"""`report.html`: pages of a run or a sweep that need no network, no server and, for reading, no script.

render_run(report, pictures)              # pure: the text of the page
write_run(folder), write_sweep(folder)    # read, make pictures, write `report.html` into the folder
"""

from runner.report.html.render import content_security_policy, render_run, render_sweep
from runner.report.html.write import NAME, write, write_at_end, write_run, write_sweep

__all__ = [
    "NAME",
    "content_security_policy",
    "render_run",
    "render_sweep",
    "write",
    "write_at_end",
    "write_run",
    "write_sweep",
]
