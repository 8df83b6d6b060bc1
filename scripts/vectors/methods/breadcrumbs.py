from methods._breadcrumbs import breadcrumbs


def cases():
    return breadcrumbs(False)
