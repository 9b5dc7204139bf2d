"""Make a clone ready and run its checks: ``python -m ci setup|test|bench|lint``.

Standard library only, because it runs before anything is installed; Linux, macOS and Windows; Python 3.10 or newer.
"""
