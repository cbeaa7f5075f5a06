"""The groups of commands whose members lie in several files: `assay import` and `assay export`."""

from assay.commands.fastchat import about_exports, exports
from assay.commands.import_logs import about_imports, imports

__all__ = ["about_exports", "about_imports", "exports", "imports"]
