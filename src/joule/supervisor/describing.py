"""Modules as users see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joule.models.modules import Module, ModuleConfiguration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joule.config.module_conf import ModuleConf
    from joule.config.pipe_spec import PipeSpec
    from joule.supervisor.worker import Worker


def described(worker: Worker) -> Module:
    """Give what users see of a module, without statistics."""
    conf = worker.conf
    module = Module(
        name=conf.name,
        description=conf.description,
        is_app=conf.is_app,
        inputs=_paths(conf.inputs),
        outputs=_paths(conf.outputs),
        state=worker.phase.value,
        reason=worker.reason,
        exit_code=worker.exit_code,
        restarts=worker.restarts,
    )
    module.id = worker.number
    return module


def configuration_of(conf: ModuleConf) -> ModuleConfiguration:
    """Give what the file of a module says."""
    return ModuleConfiguration(
        conf.name,
        conf.exec_cmd,
        dict(conf.arguments),
        {name: str(spec) for name, spec in conf.inputs.items()},
        {name: str(spec) for name, spec in conf.outputs.items()},
    )


def _paths(pipes: Mapping[str, PipeSpec]) -> dict[str, str]:
    return {name: _path(spec) for name, spec in pipes.items()}


def _path(spec: PipeSpec) -> str:
    return spec.path if spec.node is None else f"[{spec.node}] {spec.path}"
