"""What can go wrong, said so that a person can act on it: one base class, one subclass per stage."""


class PagesightError(Exception):
    """A failure that is the user's to mend.

    `what` is one sentence about what happened, `fix` the one thing to do next. Caught once, in `cli.py`, and shown as

        error: photos/cat holds 3 pictures that can be read; at least 8 are needed
          fix: add pictures, or pass --min-pictures 3
    """

    def __init__(self, what: str, *, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


class OptionError(PagesightError):
    """An option or a name that Pagesight does not know; exit code 2."""


class OutputError(PagesightError):
    """An output folder that cannot or must not be written."""


class ScanError(PagesightError):
    """The pictures cannot make a dataset."""


class TrainError(PagesightError):
    """The backbone or its weights cannot be had, or the training falls short of its bar."""


class ExportError(PagesightError):
    """The trained model cannot be written as a SavedModel."""


class AdoptError(PagesightError):
    """A model made elsewhere cannot be read, or must not be."""


class QuantizeError(PagesightError):
    """The model cannot be written as a TF.js graph model of the kind asked for."""


class BundleError(PagesightError):
    """The page cannot be put together."""


class VerifyError(PagesightError):
    """The bundle is not what it claims to be, or the browser answers differently from Python."""


def first_line(cause: BaseException, most: int = 160) -> str:
    """What a library's exception says first, at most so many characters of it; the name of its class where it says nothing."""
    lines = str(cause).strip().splitlines()
    return lines[0][:most] if lines else type(cause).__name__
