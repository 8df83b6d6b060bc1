"""Runs the program wiseft that pip installed with this package: python -m wiseft."""

import os
import subprocess
import sys
import sysconfig


def program():
    """Returns the path of the program: among the scripts of this environment, of the user, or beside --target."""
    name = "wiseft" + (sysconfig.get_config_var("EXE") or "")
    folders = [sysconfig.get_path("scripts")]
    for user in (os.name + "_user", "osx_framework_user"):
        if user in sysconfig.get_scheme_names():
            folders.append(sysconfig.get_path("scripts", user))
    folders.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bin"))
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    sys.exit("wiseft: the program is in none of " + ", ".join(folders))


def main():
    arguments = [program(), *sys.argv[1:]]
    if os.name == "nt":  # execv would return to the shell at once
        sys.exit(subprocess.call(arguments))
    os.execv(arguments[0], arguments)


if __name__ == "__main__":
    main()
