"""The errors of this package; each message is written for the person who reads it.

ModelError
├── BundleError   a bundle is missing, damaged, or does not reproduce its golden texts
│   └── StoreChangedError   somebody else has changed a store of bundles meanwhile
├── DeviceError   the requested device is not active
└── DataError     a data set cannot be trained on or measured with
"""


class ModelError(Exception):
    """Base of this package's errors; ``str()`` says what happened, to what, and what to do."""


class BundleError(ModelError):
    """A bundle cannot be opened or fails its verification."""


class StoreChangedError(BundleError):
    """A store serves another bundle than the caller takes it to; nothing was changed."""


class DeviceError(ModelError):
    """The requested device is not active in ONNX Runtime."""


class DataError(ModelError):
    """A data set cannot be used as it is."""
