"""Package dsonas: the root of the repository is the package. Metadata and requirements stand in pyproject.toml."""

import sys

if not (3, 8) <= sys.version_info[:2] <= (3, 11):
    sys.exit(
        'dsonas needs Python 3.8 to 3.11, because MXNet 1.9.1 needs numpy below 1.24; this is Python %d.%d'
        % sys.version_info[:2]
    )

from setuptools import find_packages, setup  # noqa: E402
from setuptools.command.build_py import build_py  # noqa: E402

SUBPACKAGES = find_packages(exclude=['tests', 'tests.*'])  # every folder with an __init__.py
# Files that belong to the package though they are no modules: of these kinds beside modules, and those of experiments/.
DATA = ['*.yaml', '*.json', '*.html', '*.css', '*.js', '*.j2', '*.tex', 'templates/*', 'native/*']
EXPERIMENTS = ['experiments/*.sh', 'experiments/*.yaml', 'experiments/configs/*.yaml']


class BuildPy(build_py):
    """Leaves this file out of the package, though it lies in the package's folder."""

    def find_package_modules(self, package, package_dir):
        return [module for module in super().find_package_modules(package, package_dir) if module[1] != 'setup']


setup(
    packages=['dsonas', *(f'dsonas.{name}' for name in SUBPACKAGES)],
    package_data={'dsonas': ['py.typed', *EXPERIMENTS], **{f'dsonas.{name}': DATA for name in SUBPACKAGES}},
    cmdclass={'build_py': BuildPy},
)
