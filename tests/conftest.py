"""The fake DashScope's pytest plugin, which pytest finds without this if the package is installed."""

pytest_plugins = ["fake_dashscope.pytest_plugin"]
