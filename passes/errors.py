"""What this package refuses to make."""


class PassRefused(ValueError):
    """A pass that no wallet would accept."""

    def __init__(self, field: str, why: str) -> None:
        """Name the field as it is called in the file or settings, and the rule that it breaks."""
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why
