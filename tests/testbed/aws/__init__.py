"""An embedded AWS in one process: the real template, deployed and run on a laptop.

``deploy`` turns the template into resources of moto, ``runtime`` runs its functions as Lambda does, ``gateway`` is its
HTTP API, ``iam`` checks every call, and ``moto_hooks`` is the only module that changes moto itself.
"""
