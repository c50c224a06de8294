"""What is wrong with a config, said in sentences."""


class ConfigError(Exception):
    """Bad input: one sentence per error, each with file, key, value and expectation."""

    def __init__(self, messages: list[str]):
        super().__init__("\n".join(messages))
        self.messages = messages
