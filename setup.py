"""Package dsonas: the root of the repository is the package.

Versions are bounded because MXNet 1.9.1 needs numpy below 1.24, and what gluoncv pulls in without
bounds (opencv, pandas, scipy, matplotlib) would bring numpy 2.
"""
import sys

if not (3, 8) <= sys.version_info[:2] <= (3, 11):
    sys.exit('dsonas needs Python 3.8 to 3.11, because MXNet 1.9.1 needs numpy below 1.24; this is Python %d.%d'
             % sys.version_info[:2])

from setuptools import setup  # noqa: E402
from setuptools.command.build_py import build_py  # noqa: E402

SUBPACKAGES = ('base', 'symbols', 'symbols.backend', 'optim', 'runfiles', 'train', 'train.config',
               'train.engine', 'train.searching', 'train.deriving', 'train.runtime', 'data', 'data.sources', 'data.records',
               'tools', 'tools.reading', 'tools.drawing', 'tools.tables', 'tools.reporting', 'tools.timing', 'tools.exporting')

# onnxruntime itself asks for numpy 1.24.2, though 1.16.3 runs with 1.23: pip install --no-deps onnxruntime==1.16.3 beside these.
ONNX = ['onnx==1.13.1', 'protobuf==3.20.3', 'coloredlogs', 'flatbuffers', 'sympy', 'packaging']

EXTRAS = {
    'cpu': ['mxnet==1.9.1'],
    'gpu': ['mxnet-cu112==1.9.1',
            'nvidia-cuda-runtime-cu11==11.8.89', 'nvidia-cuda-nvrtc-cu11==11.8.89', 'nvidia-cublas-cu11==11.11.3.6',
            'nvidia-cudnn-cu11==8.9.6.50', 'nvidia-cufft-cu11==10.9.0.58', 'nvidia-curand-cu11==10.3.0.86',
            'nvidia-cusolver-cu11==11.4.1.48', 'nvidia-cusparse-cu11==11.7.5.86', 'nvidia-nccl-cu11==2.21.5',
            'nvidia-nvtx-cu11==11.8.86'],
    'onnx': ONNX,
    'test': ['pytest>=7,<9', 'hypothesis>=6,<7', 'ruff>=0.4'] + ONNX,
}


class BuildPy(build_py):
    """Leaves this file out of the package, though it lies in the package's folder."""

    def find_package_modules(self, package, package_dir):
        return [module for module in super().find_package_modules(package, package_dir) if module[1] != 'setup']


setup(
    name='dsonas',
    version='0.1.0',
    description='DSO-NAS on Apache MXNet Gluon: neural architecture search by direct sparse optimization',
    license='Apache-2.0',
    python_requires='>=3.8,<3.12',
    packages=['dsonas'] + ['dsonas.' + name for name in SUBPACKAGES],
    package_dir=dict([('dsonas', '.')] + [('dsonas.' + name, name.replace('.', '/')) for name in SUBPACKAGES]),
    package_data={'dsonas': ['experiments/configs/*.yaml', 'experiments/*.sh']},
    install_requires=[
        'numpy>=1.20,<1.24', 'gluoncv==0.10.5.post0', 'matplotlib>=3.5,<3.9', 'pandas<2.1', 'scipy<1.12',
        'opencv-python-headless<4.9', 'opencv-python<4.9', 'pyyaml>=5.4', 'tqdm>=4.60', 'portalocker>=2.0', 'yacs', 'autocfg',
        'pillow>=9,<12', 'mlxtend==0.23.4; python_version>="3.9"', 'mlxtend<0.23.2; python_version<"3.9"',
        'scikit-learn<1.5', 'tensorboardX>=2.6,<2.7', 'protobuf<3.21',
    ],
    extras_require=EXTRAS,
    cmdclass={'build_py': BuildPy},
)
