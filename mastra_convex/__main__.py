"""`python -m mastra_convex`."""

import sys

from mastra_convex.cli import main

sys.exit(main())
