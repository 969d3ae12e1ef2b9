"""The version of the package and of the functions that it deploys; the build and the generated schema read it here."""

VERSION = "0.1.0"
