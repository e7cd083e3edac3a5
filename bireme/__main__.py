"""`python -P -m bireme`: the same command as the `bireme` script.

Every process that Bireme starts is started this way: with -P a folder named like one of our
packages in the working directory can't shadow it.
"""

from bireme.cli.main import main

if __name__ == "__main__":
    main()
