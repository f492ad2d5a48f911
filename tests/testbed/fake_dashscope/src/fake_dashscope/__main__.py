"""``python -m fake_dashscope`` is the command ``fake-dashscope``."""

from fake_dashscope.cli import main

main()
