"""The checks of ``gallop doctor``. None of them changes anything, and none costs anything but a few requests to AWS."""
