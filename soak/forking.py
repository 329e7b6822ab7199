"""Starts the daemon again and again without loading its code again: `soak.forking PORT [BUG]`.

It loads crmwire and its plugins, opens nothing, and forks for each line on standard input. The
child is the whole daemon, on the data folder that the environment names; its process id is a
line on standard output, and another says that it has ended.
"""

from __future__ import annotations

import os
import sys
import traceback


def main() -> None:
    from crmwire import home, logs, runner
    from crmwire.app import App
    from crmwire.discovery import Discovery
    from soak.bugs import BUGS

    port, folder = int(sys.argv[1]), home.default_home()
    for plugin in Discovery(folder / "plugins").installed:
        plugin.load()
    logs.configure()
    if sys.argv[2:] and sys.argv[2]:
        BUGS[sys.argv[2]].patch()
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                with App(folder, threaded=True) as app:
                    runner.run(app, host="127.0.0.1", port=port)
            except BaseException:  # noqa: BLE001  (nothing of the parent's may run here)
                traceback.print_exc()
            os._exit(0)
        print(child, flush=True)
        os.waitpid(child, 0)
        print("ended", flush=True)


if __name__ == "__main__":
    main()
