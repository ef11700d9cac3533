"""Every answer that the tests see, held against the protocol's schemas.

A test must not have to think of it: the client drops each answer into `seen`, and the runner
validates them all at its end, in as few xmllint processes as there are argument lists.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from wbxml import ROOT

SCHEMA = ROOT.parent / 'shared' / 'reference' / 'xsd' / 'linked' / 'all.xsd'
FILES_A_CALL = 5000


class Answers:
    """Documents to validate, each once, with where it was first seen."""

    def __init__(self):
        self.origins = {}
        self.count = 0

    def add(self, xml, origin):
        self.count += 1
        self.origins.setdefault(xml, origin)

    def why_not(self):
        """Why nothing can be validated, or None."""
        if not SCHEMA.exists():
            return 'no schemas beside the repository'
        if not shutil.which('xmllint'):
            return 'no xmllint'
        return None

    def validate(self):
        """The documents that the schemas refuse: (origin, what xmllint says, document)."""
        documents = list(self.origins.items())
        with tempfile.TemporaryDirectory(prefix='easel-xml-') as folder:
            for number, (xml, _) in enumerate(documents):
                (Path(folder) / f'{number}.xml').write_text(xml, encoding='utf-8')
            complaints = {}
            for start in range(0, len(documents), FILES_A_CALL):
                self._complaints(folder, range(start, min(start + FILES_A_CALL, len(documents))),
                                 complaints)
        return [(documents[n][1], text, documents[n][0]) for n, text in sorted(complaints.items())]

    def _complaints(self, folder, numbers, complaints):
        """Runs xmllint over some files and notes what it says about each."""
        # --huge: a body may be longer than libxml2's limit for one text node.
        done = subprocess.run(
            ['xmllint', '--noout', '--huge', '--schema', SCHEMA] + [f'{n}.xml' for n in numbers],
            cwd=folder, stderr=subprocess.PIPE, text=True, check=False)
        for line in done.stderr.splitlines():
            if match := re.match(r'(\d+)\.xml:\d+: (.*)', line):
                if 'warning' not in match[2]:  # relative namespace names are the protocol's
                    complaints.setdefault(int(match[1]), match[2])
            elif match := re.match(r'(\d+)\.xml fails to validate', line):
                complaints.setdefault(int(match[1]), line)
        good = set(re.findall(r'^(\d+)\.xml validates$', done.stderr, re.M))
        if unseen := [n for n in numbers if str(n) not in good and n not in complaints]:
            raise RuntimeError(f'xmllint said nothing of {unseen[:5]}:\n{done.stderr[-2000:]}')


seen = Answers()
