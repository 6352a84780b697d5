"""`paramcalc mcp`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paramcalc.cli.options import Talk
from paramcalc.errors import PCError, Problem, UsageError

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

EXAMPLES = (
    "paramcalc mcp",
    "paramcalc mcp --root ~/models",
    "paramcalc mcp --help",
)


def mcp(
    talk: Talk,
    root: Annotated[Path, typer.Option("--root", metavar="DIR", help="Folder that files may be read from.")] =
        Path(),
) -> int:
    """Serve the commands to agents over the Model Context Protocol on standard input and output."""
    if not os.path.isdir(root):
        raise UsageError(Problem("--root is not a folder", source=str(root)))
    try:
        import anyio
        from mcp.server.stdio import stdio_server
    except ImportError:
        raise UsageError(Problem("the Model Context Protocol needs an extra",
                                 hint="pip install 'paramcalc[mcp]'")) from None
    server = make_server(root)

    async def serve() -> None:
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())

    anyio.run(serve)
    return 0


def make_server(root: Path) -> Server[Any]:
    """The server: every tool with the schemas of what it takes and gives."""
    import mcp.types as protocol
    from mcp.server.lowlevel import Server

    from paramcalc._version import __version__
    from paramcalc.cli.tools import call, error_text, tools

    listed = [protocol.Tool(name=tool.name, description=tool.description, input_schema=tool.inputs,
                            output_schema=tool.outputs, annotations=protocol.ToolAnnotations(read_only_hint=True))
              for tool in tools()]

    async def list_tools(_context: object, _request: object) -> protocol.ListToolsResult:
        return protocol.ListToolsResult(tools=listed)

    async def call_tool(_context: object, request: protocol.CallToolRequestParams) -> protocol.CallToolResult:
        try:
            answer = call(request.name, dict(request.arguments or {}), root)
        except PCError as error:
            text = protocol.TextContent(type="text", text=error_text(error))
            return protocol.CallToolResult(content=[text], is_error=True)
        text = protocol.TextContent(type="text", text=json.dumps(answer))
        return protocol.CallToolResult(content=[text], structured_content=answer)

    return Server("paramcalc", version=__version__, on_list_tools=list_tools, on_call_tool=call_tool)
