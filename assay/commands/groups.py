"""The groups of commands whose members lie in several files: `assay import` and `assay export`."""

from assay.commands.fastchat import about_exports, exports
from assay.commands.import_logs import about_imports, imports
from assay.commands.import_tables import import_inspect, import_table

__all__ = ["about_exports", "about_imports", "exports", "import_inspect", "import_table", "imports"]
