"""`python3 -m desktop`: the desk. In the installed program also `--run MODULE` for its parts."""

import runpy
import sys

if __name__ == "__main__":
    from installer.checkout import enter

    enter("runtime")
    if sys.argv[1:2] == ["--run"] and len(sys.argv) > 2:
        sys.argv = sys.argv[2:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        from desktop.app import run

        sys.exit(run(sys.argv[1:]))
