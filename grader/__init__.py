"""Release labs, check them as a learner, grade a class.

Only values leave the kernel in which a learner's code runs; only the grader's process
judges them. ``python -m grader --help`` lists the commands. Reading order::

    lab        the format of a lab and how it is read
    release    the notebooks made from it
    values judge sketch answers checks     a value as JSON, and what is right
    sandbox seccomp launcher lab_kernel    where a learner's code runs
    kernel processes limits execute        and how it is watched
    intake submissions rebuild reference job run verdict   one submission, in this order
    context unit grade dask result         a class
    export feedback command check doctor                 what people see
"""

__version__ = "0.1.0"
