"""The bill of materials as it is kept: cyclonedx-py's, without the web addresses that packages advertise.

In: CycloneDX JSON on standard input. Out: the same on standard output, one value per line, for the sake of diffs.
"""

import json
import sys

bom = json.load(sys.stdin)
for component in bom["components"] + bom["metadata"]["tools"]["components"]:
    component.pop("externalReferences", None)
json.dump(bom, sys.stdout, indent=1, sort_keys=True)
sys.stdout.write("\n")
