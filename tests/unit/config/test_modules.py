from __future__ import annotations

from pathlib import Path

import pytest

from joule.config.module_conf import module_from_conf, module_with_fault
from joule.config.pipe_spec import PipeSpec
from joule.errors import ConfigurationError

FILE = Path("m.conf")
TEXT = """[Main]
name = Filter
exec_cmd = "my prog" -x 'a b'
description = does it
is_app = yes
[Arguments]
KeyA = v
pattern = 50%%
[Inputs]
Raw = /a/b
[Outputs]
clean = /a/c:float32[x, y z]
"""


def test_a_module_file_gives_command_arguments_and_pipes() -> None:
    module = module_from_conf(TEXT, FILE)
    assert (module.name, module.description, module.is_app) == ("Filter", "does it", True)
    assert module.command == ["my prog", "-x", "a b"]
    assert module.argument_list == ["--keya", "v", "--pattern", "50%"]
    assert module.inputs == {"raw": PipeSpec(None, "/a/b")}
    assert module.outputs == {"clean": PipeSpec(None, "/a/c", "float32", ("x", "y z"))}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[Main]\nname=a\nexec=b", "missing exec_cmd ([Main] exec_cmd)"),
        ("[Main]\nexec_cmd=b", "missing name ([Main] name)"),
        ("[Main]\nname=a\nexec_cmd='b", "quotes do not match ([Main] exec_cmd)"),
        ("[Main]\nname=a\nexec_cmd=b\nis_app=2", "[2] is not yes or no ([Main] is_app)"),
        ("[Main]\nname=a\nexec_cmd=b\ndb_schema=joule", "the schema [joule] belongs to the node"),
        ("[Main]\nname=a\nexec_cmd=b\ndb_schema=data", "the schema [data] belongs to the node"),
        ("[Arguments]\na=b", "missing section [Main]"),
    ],
)
def test_a_bad_module_is_refused_naming_file_and_option(text: str, fault: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        module_with_fault(text, FILE)
    assert str(caught.value).startswith("Invalid module [m.conf]: ")
    assert fault in str(caught.value)


def test_a_module_with_a_bad_pipe_is_known_together_with_its_fault() -> None:
    text = "[Main]\nname=a\nexec_cmd=b\n[Inputs]\np=/a/b:int8[x]\nq=/a/c\n[Outputs]\no=x\n"
    module = module_with_fault(text, FILE)
    assert module.name == "a"
    assert module.inputs == {"q": PipeSpec(None, "/a/c")}
    assert module.fault is not None
    assert "Input [p=/a/b:int8[x]]: invalid inline configuration: " in module.fault
    assert "Output [o=x]: invalid pipe configuration [x] ([Outputs] o)" in module.fault
    with pytest.raises(ConfigurationError):
        module_from_conf(text, FILE)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("/a/b", PipeSpec(None, "/a/b")),
        ("/a/ b c/d-e_f", PipeSpec(None, "/a/ b c/d-e_f")),
        ("/a/b:INT16[x]", PipeSpec(None, "/a/b", "int16", ("x",))),
        ("/a/b : float64 [ x , y ]", PipeSpec(None, "/a/b", "float64", ("x", "y"))),
        ("node2.joule /a/b:int32[x, y]", PipeSpec("node2.joule", "/a/b", "int32", ("x", "y"))),
    ],
)
def test_pipe_specifications_are_read(text: str, spec: PipeSpec) -> None:
    assert PipeSpec.parse(text) == spec
    assert PipeSpec.parse(str(spec)) == spec


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "invalid pipe configuration []"),
        ("a/b", "invalid pipe configuration [a/b]"),
        ("node b/c:int16[x]", "invalid pipe configuration [node b/c:int16[x]]"),
        ("/a/", "invalid stream name []"),
        ("/a/b.c", "invalid stream name [b.c]"),
        ("/b", "invalid path [/b]"),
        ("/a//b", "invalid path [/a/]"),
        ("/a/b:", "invalid inline configuration: "),
        ("/a/b:int16[]", "invalid inline configuration: an element has no name"),
        ("/a/b:int16[x,]", "invalid inline configuration: an element has no name"),
        ("/a/b:int16[x,x]", "invalid inline configuration: element names must be unique"),
        ("/a/b:int16(x)", "invalid inline configuration: "),
        ("node /a/b", "invalid remote stream, must have inline config"),
    ],
)
def test_a_bad_pipe_specification_is_refused_with_its_rule(text: str, fault: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        PipeSpec.parse(text)
    assert fault in str(caught.value)


def test_parts_of_a_specification_are_at_hand() -> None:
    spec = PipeSpec.parse("/a/b/c:int16[x,y]")
    assert (spec.folder, spec.name, str(spec.layout)) == ("/a/b", "c", "int16_2")
    assert PipeSpec.parse("/a/b").layout is None
