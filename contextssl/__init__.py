__version__ = "0.2.0"

from importlib import import_module

_MODULES = {  # name -> the module that defines it; imported when the name is used
    "load": "training.checkpoints",
    "ContextSSL": "methods.contextssl",
    "SIE": "methods.sie",
    "Method": "methods.base",
    "build_method": "methods.recipes",
    "open_data": "data.registry",
    "render_dataset": "render.embedded",
    "train": "training.loop",
    "TrainConfig": "training.config",
    "evaluate": "evaluation.protocol",
    "EvalConfig": "evaluation.protocol",
    "ContextEncoder": "evaluation.estimator",
    "ActionSpace": "groups",
    "Factor": "groups",
}
__all__ = [*_MODULES]


def __getattr__(name):
    "Import what stands behind a name of the front door."
    if name in _MODULES:
        return getattr(import_module(f"contextssl.{_MODULES[name]}"), name)
    from contextssl.names import did_you_mean

    near = "" if name.startswith("_") else did_you_mean(name, _MODULES)
    raise AttributeError(f"module 'contextssl' has no attribute {name!r}{near}")


def __dir__():
    "What tab completion offers."
    return sorted({*globals(), *_MODULES})
