"""What can go wrong with a model, each as one sentence for the person who reads it.

ModelError
├── BundleError   a bundle is missing, damaged, or does not reproduce its golden texts
├── DeviceError   the asked-for device is not active
└── DataError     a CSV cannot be trained on or measured with
"""


class ModelError(Exception):
    """Base of this package's errors; ``str()`` says what happened, to what, and what to do."""


class BundleError(ModelError):
    """A bundle cannot be opened or fails its verification."""


class DeviceError(ModelError):
    """The device that was asked for is not active in ONNX Runtime."""


class DataError(ModelError):
    """A data set cannot be used as it is."""
