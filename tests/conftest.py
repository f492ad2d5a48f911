"""The fake DashScope's pytest plugin, which pytest would find by itself were the package installed."""

pytest_plugins = ["fake_dashscope.pytest_plugin"]
